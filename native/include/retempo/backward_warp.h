// What does a frame look like when every pixel fetches its colour from where the flow points?
//
//     out(p) = image(p + flow(p))          flow [n, 2, h, w] in pixels
// Filters, separable, on the N x N pixels around the sampling position cell + fraction:
//     nearest   N = 1   the pixel whose area [x - 0.5, x + 0.5) holds the position
//     bilinear  N = 2
//     bicubic   N = 4   Catmull-Rom: the cubic through the four pixels of an axis, slopes by central
//     difference lanczos4  N = 8   L(u) = sinc(u) sinc(u / 4), |u| < 4, normalised to sum 1 per axis
// Borders: `edge` repeats the outermost pixel, `zero` reads 0 outside.
// Taps of weight 0 are not read into the sum, so that Inf and NaN do not leak into exact neighbours; where
// all taps of a bilinear sample agree the result is that value, bit for bit.
// Pictures (warp_image, synthesize) take bicubic *limited*, channel by channel, to the range of the pixels
// around the position (2 x 2; fewer where it lies on a row or column of pixels), so that highlights do not
// ring and what agrees stays untouched. The warp that has gradients does not limit: it stays linear in the
// image, its backward is exact, and no pixel loses its gradient for having been clamped.
#pragma once

#include "footprint.h"

namespace retempo {

enum class Filter : int { bilinear, bicubic, lanczos4, nearest };
enum class Border : int { edge, zero };

inline namespace RETEMPO_ISA {

// a at f = 0, b at f = 1; exact where a == b, and Inf stays Inf.
template <class T>
RT_HD T mix(T a, T b, T f) {
    const T v = a * (T(1) - f) + b * f;
    return (f == T(0) || a == b) ? a : v;
}

template <class T>
RT_HD void sine_cosine_quarter(T a, T& s, T& c) { // 0 <= a <= pi / 4, Taylor
    const T q = a * a;
    s = a * (T(1) + q * (T(-1.0 / 6) +
                         q * (T(1.0 / 120) + q * (T(-1.0 / 5040) +
                                                  q * (T(1.0 / 362880) + q * (T(-1.0 / 39916800) +
                                                                              q * T(1.0 / 6227020800.0)))))));
    c = T(1) +
        q * (T(-0.5) +
             q * (T(1.0 / 24) +
                  q * (T(-1.0 / 720) +
                       q * (T(1.0 / 40320) + q * (T(-1.0 / 3628800) +
                                                  q * (T(1.0 / 479001600) + q * T(-1.0 / 87178291200.0)))))));
}

struct NearestFilter {
    static constexpr int count = 1;
    template <class T>
    RT_HD AxisTaps<T, 1> axis(int cell, T fraction) const {
        return {cell + (fraction >= T(0.5)), {T(1)}, {T(0)}};
    }
};

struct BilinearFilter {
    static constexpr int count = 2;
    template <class T>
    RT_HD AxisTaps<T, 2> axis(int cell, T fraction) const {
        return {cell, {T(1) - fraction, fraction}, {T(-1), T(1)}};
    }
};

// Catmull-Rom weights of the pixels -1, 0, 1, 2 at fraction f; V is a number or a vector of floats. Written
// as products, no weight vanishes but those of a whole pixel; fractions that would underflow count as one.
template <class V>
RT_HD void catmull_rom(V f, V (&weight)[4]) {
    f = f < 1e-18f ? V{} : f;
    const V g = 1.0f - f;
    weight[0] = -0.5f * f * (g * g);
    weight[1] = g * (1.0f + f * (1.0f - 1.5f * f));
    weight[2] = f * (1.0f + g * (1.0f - 1.5f * g));
    weight[3] = -0.5f * g * (f * f);
}

template <bool Limited>
struct CatmullRomFilter {
    static constexpr int count = 4;
    static constexpr bool limited = Limited; // to the range of the pixels around the position
    template <class T>
    RT_HD AxisTaps<T, 4> axis(int cell, T f) const {
        AxisTaps<T, 4> taps;
        const T g = T(1) - f;
        taps.first = cell - 1;
        catmull_rom(f, taps.weight);
        taps.slope[0] = g * (f - T(0.5) * g);
        taps.slope[1] = f * (T(4.5) * f - T(5));
        taps.slope[2] = g * (T(5) - T(4.5) * g);
        taps.slope[3] = f * (T(0.5) * f - g);
        return taps;
    }
};
using BicubicFilter = CatmullRomFilter<false>;
using LimitedBicubicFilter = CatmullRomFilter<true>;

struct Lanczos4Filter {
    static constexpr int count = 8;
    template <class T>
    RT_HD AxisTaps<T, 8> axis(int cell, T f) const {
        AxisTaps<T, 8> taps;
        taps.first = cell - 3;
        if (f == T(0)) { // exactly on a pixel; the slopes are those of the limit
            T total = T(0);
            for (int k = 0; k < 8; ++k) {
                const int j = 3 - k; // u = f - (k - 3) = j
                T s, c;
                const int quarter = j < 0 ? -j : j;
                sine_cosine_quarter(T(0.78539816339744831) * T(quarter > 2 ? 4 - quarter : quarter) /
                                        T(quarter == 2 ? 2 : 1),
                                    s, c);
                const T sine = quarter == 0 || quarter == 4 ? T(0) : (quarter == 2 ? T(1) : s);
                const T sign = (quarter & 1) ? T(-1) : T(1);
                // L'(j) = cos(pi j) sinc(j / 4) / j
                taps.weight[k] = j == 0 ? T(1) : T(0);
                taps.slope[k] =
                    j == 0 ? T(0) : sign * sine * T(4) / (T(3.14159265358979324) * T(quarter)) / T(j);
                total += taps.slope[k];
            }
            for (int k = 0; k < 8; ++k) taps.slope[k] -= taps.weight[k] * total;
            return taps;
        }
        const T pi = T(3.14159265358979324);
        T s4, c4, s8, c8;
        sine_cosine_quarter(f * (pi / T(4)), s4, c4); // sin, cos(pi f / 4)
        const T g = f < T(0.5) ? f : T(1) - f;
        sine_cosine_quarter(g * (pi / T(2)), s8, c8);
        const T s1 = T(2) * s8 * c8;                                      // sin(pi f)
        const T c1 = (c8 - s8) * (c8 + s8) * (f < T(0.5) ? T(1) : T(-1)); // cos(pi f)
        const T h = T(0.70710678118654752);
        T sum = T(0), slopes = T(0);
        for (int k = 0; k < 8; ++k) {
            const int j = 3 - k;
            const T u = f + T(j);
            const T sign = (j & 1) ? T(-1) : T(1);
            T sq, cq; // sin, cos of pi u / 4
            switch (j) {
            case 3:
                sq = h * (c4 - s4);
                cq = -h * (c4 + s4);
                break;
            case 2:
                sq = c4;
                cq = -s4;
                break;
            case 1:
                sq = h * (s4 + c4);
                cq = h * (c4 - s4);
                break;
            case 0:
                sq = s4;
                cq = c4;
                break;
            case -1:
                sq = h * (s4 - c4);
                cq = h * (c4 + s4);
                break;
            case -2:
                sq = -c4;
                cq = s4;
                break;
            case -3:
                sq = -h * (s4 + c4);
                cq = h * (s4 - c4);
                break;
            default:
                sq = -s4;
                cq = -c4;
                break;
            }
            T weight, slope;
            const T pu = pi * u;
            if (u * u < T(1e-6)) { // series around 0: 1 - (pi u)^2 (1 + 1/16) / 6
                const T a = pi * pi * T(17.0 / 96.0);
                weight = T(1) - a * u * u;
                slope = T(-2) * a * u;
            } else {
                weight = T(4) * (sign * s1) * sq / (pu * pu);
                slope =
                    T(4) * pi * (sign * c1 * sq + sign * s1 * cq * T(0.25)) / (pu * pu) - T(2) * weight / u;
            }
            taps.weight[k] = weight;
            taps.slope[k] = slope;
            sum += weight;
            slopes += slope;
        }
        const T inverse = T(1) / sum;
        for (int k = 0; k < 8; ++k) {
            taps.weight[k] *= inverse;
            taps.slope[k] = (taps.slope[k] - taps.weight[k] * slopes) * inverse;
        }
        return taps;
    }
};

// Pixel index along one axis after the border rule; -1: reads 0.
RT_HD int border_index(int i, int size, Border border) {
    if (i >= 0 && i < size) return i;
    if (border == Border::zero) return -1;
    return i < 0 ? 0 : size - 1;
}

// The positions of all taps of one sample.
template <class Fl, class T>
struct SampleTaps {
    AxisTaps<T, Fl::count> x, y;
    int ix[Fl::count], iy[Fl::count]; // -1: outside, reads 0
};

template <class Fl, class T>
RT_HD SampleTaps<Fl, T> aim(const Fl& filter, int cell_x, int cell_y, T fraction_x, T fraction_y, int width,
                            int height, Border border) {
    SampleTaps<Fl, T> taps;
    taps.x = filter.axis(cell_x, fraction_x);
    taps.y = filter.axis(cell_y, fraction_y);
    for (int k = 0; k < Fl::count; ++k) {
        taps.ix[k] = border_index(taps.x.first + k, width, border);
        taps.iy[k] = border_index(taps.y.first + k, height, border);
    }
    return taps;
}

// The sample of one channel: read(iy, ix) gives the pixel, never called outside the image.
template <class Fl, class T, class Read>
RT_HD T sample(const SampleTaps<Fl, T>& taps, Read&& read) {
    constexpr int N = Fl::count;
    if constexpr (N == 1) {
        return taps.ix[0] < 0 || taps.iy[0] < 0 ? T(0) : T(read(taps.iy[0], taps.ix[0]));
    } else if constexpr (N == 2) {
        const bool x1 = taps.x.weight[1] != T(0), y1 = taps.y.weight[1] != T(0);
        T v[2][2];
        for (int ky = 0; ky < 2; ++ky)
            for (int kx = 0; kx < 2; ++kx) {
                const bool skip = taps.ix[kx] < 0 || taps.iy[ky] < 0 || (kx && !x1) || (ky && !y1);
                v[ky][kx] = skip ? T(0) : T(read(taps.iy[ky], taps.ix[kx]));
            }
        const T left = mix(v[0][0], v[1][0], taps.y.weight[1]);
        const T right = mix(v[0][1], v[1][1], taps.y.weight[1]);
        return mix(left, right, taps.x.weight[1]);
    } else if constexpr (N == 4) { // in the order that suits the vectors of cpu/bicubic.h
        const T* y = taps.y.weight;
        const bool right = taps.x.weight[2] != T(0), below = y[2] != T(0);
        T column[4], least = T(0), most = T(0);
        RT_UNROLL for (int kx = 0; kx < 4; ++kx) {
            T v[4];
            RT_UNROLL for (int ky = 0; ky < 4; ++ky) {
                const bool skip =
                    taps.ix[kx] < 0 || taps.iy[ky] < 0 || taps.x.weight[kx] == T(0) || y[ky] == T(0);
                v[ky] = skip ? T(0) : T(read(taps.iy[ky], taps.ix[kx]));
            }
            column[kx] = taps.x.weight[kx] * (y[0] * v[0] + y[1] * v[1] + y[2] * v[2] + y[3] * v[3]);
            if (kx == 1 || (kx == 2 && right)) { // of the four around, those that are read
                const T lower = below ? v[2] : v[1];
                const T low = smaller(v[1], lower), high = larger(v[1], lower);
                least = kx == 1 ? low : smaller(least, low);
                most = kx == 1 ? high : larger(most, high);
            }
        }
        const T total = (column[0] + column[2]) + (column[1] + column[3]);
        return Fl::limited ? clamped(total, least, most) : total;
    } else {
        T total = T(0);
        for (int ky = 0; ky < N; ++ky) {
            if (taps.iy[ky] < 0 || taps.y.weight[ky] == T(0)) continue;
            T line = T(0);
            for (int kx = 0; kx < N; ++kx) {
                if (taps.ix[kx] < 0 || taps.x.weight[kx] == T(0)) continue;
                line += taps.x.weight[kx] * T(read(taps.iy[ky], taps.ix[kx]));
            }
            total += taps.y.weight[ky] * line;
        }
        return total;
    }
}

template <class Fl, class T>
RT_HD SampleTaps<Fl, T> aim_along(const Fl& filter, int x, int y, T dx, T dy, int width, int height,
                                  Border border) {
    const Split<T> sx = split(dx), sy = split(dy);
    return aim(filter, x + sx.cell, y + sy.cell, sx.fraction, sy.fraction, width, height, border);
}

// Forward, one target pixel (in, y, x), all channels. image [n, c, H, W]; flow and out share h, w.
template <class Fl, class T>
RT_HD void warp_pixel(const Fl& filter, Border border, const View4<const T>& image,
                      const View4<const T>& flow, const View4<T>& out, int64_t in, int y, int x) {
    const auto taps = aim_along(filter, x, y, flow(in, 0, y, x), flow(in, 1, y, x), static_cast<int>(image.w),
                                static_cast<int>(image.h), border);
    for (int64_t c = 0; c < out.c; ++c)
        out(in, c, y, x) = sample(taps, [&](int iy, int ix) { return image(in, c, iy, ix); });
}

// Backward of warp_pixel for flow (gather) and image (the transposed splat):
//     forward  out_c(p) = SUM_k wx_k(fx) wy_k(fy) image_c(tap k)
//     back     d flow_x(p) = SUM_c g_c(p) SUM_k wx_k' wy_k image_c(tap k);   d flow_y likewise
//     back     d image_c(tap k) += wx_k wy_k g_c(p):   sink.add(iy, ix, weight)
template <class Fl, class T>
RT_HD void warp_backward_flow(const Fl& filter, Border border, const View4<const T>& grad_out,
                              const View4<const T>& image, const View4<const T>& flow,
                              const View4<T>& grad_flow, int64_t in, int y, int x) {
    const auto taps = aim_along(filter, x, y, flow(in, 0, y, x), flow(in, 1, y, x), static_cast<int>(image.w),
                                static_cast<int>(image.h), border);
    T gx = T(0), gy = T(0);
    for (int64_t c = 0; c < image.c; ++c) {
        T sx = T(0), sy = T(0);
        for (int ky = 0; ky < Fl::count; ++ky)
            for (int kx = 0; kx < Fl::count; ++kx) {
                if (taps.ix[kx] < 0 || taps.iy[ky] < 0) continue;
                const T v = image(in, c, taps.iy[ky], taps.ix[kx]);
                sx += taps.x.slope[kx] * taps.y.weight[ky] * v;
                sy += taps.x.weight[kx] * taps.y.slope[ky] * v;
            }
        const T g = grad_out(in, c, y, x);
        gx += g * sx;
        gy += g * sy;
    }
    grad_flow(in, 0, y, x) = gx;
    grad_flow(in, 1, y, x) = gy;
}

// `rows` limits the image rows that may be written (a CPU band, or all of them).
template <class Fl, class T, class Sink>
RT_HD void warp_backward_image(const Fl& filter, Border border, int width, int height, int x, int y, T dx,
                               T dy, int first_row, int last_row, Sink&& sink) {
    const auto taps = aim_along(filter, x, y, dx, dy, width, height, border);
    for (int ky = 0; ky < Fl::count; ++ky) {
        if (taps.iy[ky] < first_row || taps.iy[ky] >= last_row) continue;
        for (int kx = 0; kx < Fl::count; ++kx) {
            if (taps.ix[kx] < 0) continue;
            const T weight = taps.x.weight[kx] * taps.y.weight[ky];
            if (weight != T(0)) sink.add(taps.iy[ky], taps.ix[kx], weight);
        }
    }
}

} // namespace RETEMPO_ISA
} // namespace retempo

// How are kSegment source pixels splatted at once, payload (-s F, M) and weight into four doubles a target?
//
// prepare_segment turns flow and metrics into weights, payloads and landings, lane by lane; add_segment adds
// them to the rows in flight (a Ring), raise_segment their depths to its maxima. Pixels that land on
// consecutive columns form a run, whose targets stay in registers. Every target sums in source order. `rows`
// limits the targets.
#pragma once

#include "bands.h"
#include "retempo/synthesize.h"
#include "vectors.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {

constexpr int kNowhere = -(1 << 28);

// What the splat loop needs of kSegment source pixels, as arrays.
template <int N>
struct Prepared {
    alignas(64) double wx[N][kSegment],
        wy[N][kSegment];                    // footprint weights; wy carries the softmax weight if bounded
    alignas(64) float payload[kSegment][4]; // -s F, M, 1
    alignas(64) float across[kSegment][4];  // wx[0], wx[1], wx[N - 2], wx[N - 1]; only if not bounded
    int before[16];                         // find_breaks looks one element back
    alignas(64) int shift[kSegment],
        row[kSegment]; // first tap at x + shift, row; kNowhere: contributes nothing
    alignas(64) float fx[kSegment], fy[kSegment], z[kSegment];
};

// Footprint weights of kLanes pixels; wy carries the softmax weight if bounded.
RT_HD void weigh(floats (&wx)[2], floats (&wy)[2], const Bilinear&, floats fx, floats fy, floats exponent,
                 bool bounded) {
    const floats factor = bounded ? exp_lanes(exponent) : splat_of<floats>(1.0f);
    wx[0] = 1.0f - fx;
    wx[1] = fx;
    wy[0] = (1.0f - fy) * factor;
    wy[1] = fy * factor;
}

// Gaussian weights of one axis over exp(-f^2 / 2s^2), from r = exp(f / s^2): exp(-u^2 / 2s^2) for u = k - 1 -
// f expands to exp(-f^2 / 2s^2) r^(k-1) exp(-(k-1)^2 / 2s^2).
struct GaussianConstants {
    float half, one, four; // 1 / 2s^2, exp(-half), exp(-4 half)
    bool expands;          // r stays small
    explicit GaussianConstants(double sigma)
        : half(static_cast<float>(0.5 / (sigma * sigma))), one(exp_of(-half)), four(exp_of(-4.0f * half)),
          expands(sigma >= 0.3) {}
};

RT_HD void weigh(floats (&wx)[4], floats (&wy)[4], const GaussianConstants& g, floats fx, floats fy,
                 floats exponent, bool bounded) {
    if (g.expands) {
        // arguments from -72 (depth -60, sigma 0.3) to 60
        const floats rx = exp_normal_lanes<true>(fx * (2.0f * g.half)),
                     ry = exp_normal_lanes<true>(fy * (2.0f * g.half));
        floats square = (fx * fx + fy * fy) * -g.half;
        if (bounded) square += exponent;
        const floats factor = exp_normal_lanes<false>(square);
        wx[0] = g.one / rx;
        wx[1] = splat_of<floats>(1.0f);
        wx[2] = g.one * rx;
        wx[3] = fx == 0.0f ? floats{} : g.four * (rx * rx);
        wy[0] = (g.one / ry) * factor;
        wy[1] = factor;
        wy[2] = (g.one * ry) * factor;
        wy[3] = fy == 0.0f ? floats{} : (g.four * (ry * ry)) * factor;
        return;
    }
    const floats factor = bounded ? exp_lanes(exponent) : splat_of<floats>(1.0f);
    for (int k = 0; k < 4; ++k) {
        const floats ux = static_cast<float>(k - 1) - fx, uy = static_cast<float>(k - 1) - fy;
        const floats gx = exp_lanes(ux * ux * -g.half), gy = exp_lanes(uy * uy * -g.half);
        wx[k] = ux < 2.0f ? gx : floats{};
        wy[k] = (uy < 2.0f ? gy : floats{}) * factor;
    }
}

RT_HD Bilinear constants_of(const Bilinear& f) { return f; }
RT_HD GaussianConstants constants_of(const Gaussian& f) { return GaussianConstants(f.sigma); }

// `Trusting`: the payload is (-s F M, M), so that pixels of M = 0 carry no flow, but still weigh.
template <bool Trusting = false, class F, class K>
void prepare_segment(Prepared<F::count>& p, const F&, const K& constants, const Candidate& candidate,
                     bool bounded, int x0, int y, int local_y, int count) {
    const float* flow = candidate.flow.at(local_y, x0);
    const float* z = candidate.splat.at(local_y, x0);
    const float* m = candidate.merge.at(local_y, x0);
    const float* bend = candidate.bend ? candidate.bend_at(local_y, x0) : nullptr;
    const float bent = candidate.scale - 1.0f;
    alignas(64) float padded[6 * kSegment];
    if (count < kSegment) { // the end of a row: never read beyond it
        memset(padded, 0, sizeof padded);
        memcpy(padded, flow, sizeof(float) * 2 * count);
        memcpy(padded + 2 * kSegment, z, sizeof(float) * count);
        memcpy(padded + 3 * kSegment, m, sizeof(float) * count);
        flow = padded;
        z = padded + 2 * kSegment;
        m = padded + 3 * kSegment;
        if (bend) {
            memcpy(padded + 4 * kSegment, bend, sizeof(float) * 2 * count);
            bend = padded + 4 * kSegment;
        }
    } else // the next segment of this row: its lines lie too far apart for the hardware to guess
        for (int i = 0; i < kSegment; i += 16) {
            __builtin_prefetch(flow + 2 * (kSegment + i));
            __builtin_prefetch(flow + 2 * (kSegment + i) + 16);
            __builtin_prefetch(z + kSegment + i);
            __builtin_prefetch(m + kSegment + i);
        }
    for (int i = 0; i < kSegment; i += kLanes) {
        floats dx, dy, fx, fy;
        ints col, row;
        unzip(load<floats>(flow + 2 * i), load<floats>(flow + 2 * i + kLanes), dx, dy);
        if (bend) {
            floats bx, by;
            unzip(load<floats>(bend + 2 * i), load<floats>(bend + 2 * i + kLanes), bx, by);
            dx += bent * bx;
            dy += bent * by;
        }
        dx *= candidate.scale;
        dy *= candidate.scale;
        split_lanes(dx, col, fx);
        split_lanes(dy, row, fy);
        const floats depth = load<floats>(z + i);
        floats trust = load<floats>(m + i);
        trust = (trust > 0.0f) & (trust - trust == 0.0f) ? trust : floats{};
        const ints alive = depth - depth == 0.0f;
        store(p.shift + i, col - F::before);
        store(p.row + i, alive ? row + (y - F::before) : splat_of<ints>(kNowhere));
        store(p.fx + i, fx);
        store(p.fy + i, fy);
        store(p.z + i, depth);
        constexpr int N = F::count;
        floats wx[N], wy[N], mixed[4];
        weigh(wx, wy, constants, fx, fy, clamp_lanes(depth, -kSafeMetricBound, kSafeMetricBound), bounded);
        for (int k = 0; k < N; ++k) {
            store_doubles(&p.wx[k][i], wx[k]);
            store_doubles(&p.wy[k][i], wy[k]);
        }
        if (Trusting)
            interleave(-dx * trust, -dy * trust, trust, splat_of<floats>(1.0f), mixed);
        else
            interleave(-dx, -dy, trust, splat_of<floats>(1.0f), mixed);
        store(p.payload[i], mixed);
        if (bounded) continue;
        interleave(wx[0], wx[1], wx[N - 2], wx[N - 1], mixed);
        store(p.across[i], mixed);
    }
}

// The rows in flight of one candidate: the sums of target (y, x) are at sums[4 (line[y - row0] + x)], its
// maximum at maximum[line_of_maximum[y - row0] + x].
struct Ring {
    double* sums;  // [slots, W, 4]
    double* cover; // [slots, W] or null
    float* maximum;
    const int64_t *line, *line_of_maximum;
    int row0, width;
    RT_HD int64_t index(int y, int x) const { return line[y - row0] + x; }
    RT_HD float& highest(int y, int x) const { return maximum[line_of_maximum[y - row0] + x]; }
    RT_HD void raise(int y, int x, float z) const {
        float& m = highest(y, x);
        if (z > m) m = z;
    }
};

// Four floats of one or more rows in a register.
RT_HD floats stack_rows(const float* const* row) {
#if defined(__AVX512VL__)
    const auto two = [](const float* a, const float* b) {
        return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(a)), _mm_loadu_ps(b), 1);
    };
    return (floats)_mm512_maskz_insertf32x8(0xffff, _mm512_castps256_ps512(two(row[0], row[1])),
                                            two(row[2], row[3]), 1);
#elif defined(__AVX2__)
    return (floats)_mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[0])), _mm_loadu_ps(row[1]),
                                        1);
#else
    return load<floats>(row[0]);
#endif
}

constexpr int kAhead = 8; // pixels whose exponentials are taken together: they overlap

// wx exp(z - zmax) of the taps of pixel i on R rows whose maxima start at first[r] + along.
template <int N, int R>
RT_HD void weigh_taps(const Prepared<N>& p, int i, const float* const (&first)[R], int along,
                      double (&w)[R][N]) {
    const float* top[R];
    for (int r = 0; r < R; ++r) top[r] = first[r] + along;
    alignas(64) float e[16];
    if constexpr (N == 4) {
        constexpr int rows = kLanes / 4;
        static_assert(R % rows == 0, "whole registers");
        for (int r = 0; r < R; r += rows) store(e + 4 * r, exp_lanes(p.z[i] - stack_rows(top + r)));
        const double4 wx = widen(load<float4>(p.across[i]));
        for (int r = 0; r < R; ++r) store(w[r], wx * widen(load<float4>(e + 4 * r)));
    } else {
        floats depth = {};
        for (int k = 0; k < 4; ++k) depth[k] = p.z[i] - top[k >> 1][k & 1];
        store(e, exp_lanes(depth));
        for (int k = 0; k < 4; ++k) w[k >> 1][k & 1] = p.wx[k & 1][i] * static_cast<double>(e[k]);
    }
}

// A run: the pixels [i, end) land on consecutive columns of the same rows, all taps inside. The targets under
// the footprint stay in registers and move along with it: one load and one store a row and pixel, and the
// same sums in the same order as pixel by pixel. `maximum`: as sums, or null if bounded.
template <bool Bounded, int N, int R>
RT_HD void add_run_rows(const Prepared<N>& p, int i, int end, int ky0, double* sums, const float* maximum,
                        const int64_t* line, const int64_t* line_of_maximum) {
    double* s[R];
    const float* top[R];
    const int start = i;
    int at = kAhead;
    double ahead[Bounded ? 1 : kAhead][R][N];
    double4 window[R][N];
    for (int r = 0; r < R; ++r) {
        s[r] = sums + line[ky0 + r] * 4;
        top[r] = Bounded ? nullptr : maximum + line_of_maximum[ky0 + r];
        for (int kx = 0; kx < N; ++kx) window[r][kx] = load<double4>(s[r] + 4 * kx);
    }
    for (;;) {
        const double4 payload = widen(load<float4>(p.payload[i]));
        double4 wx[N];
        if constexpr (Bounded) {
            for (int kx = 0; kx < N; ++kx) wx[kx] = splat_of<double4>(p.wx[kx][i]);
        } else if (at == kAhead) {
            for (int k = i; k < end && k < i + kAhead; ++k)
                weigh_taps<N, R>(p, k, top, k - start, ahead[k - i]);
            at = 0;
        }
        for (int r = 0; r < R; ++r) {
            const double4 share = payload * splat_of<double4>(p.wy[ky0 + r][i]);
            for (int kx = 0; kx < N; ++kx)
                window[r][kx] += share * (Bounded ? wx[kx] : splat_of<double4>(ahead[at][r][kx]));
        }
        ++at;
        if (++i == end) break;
        for (int r = 0; r < R; ++r) {
            store(s[r], window[r][0]);
            for (int kx = 0; kx + 1 < N; ++kx) window[r][kx] = window[r][kx + 1];
            window[r][N - 1] = load<double4>(s[r] + 4 * N);
            s[r] += 4;
        }
    }
    for (int r = 0; r < R; ++r)
        for (int kx = 0; kx < N; ++kx) store(s[r] + 4 * kx, window[r][kx]);
}

#if defined(__AVX512VL__)
// The same with two targets a register: even holds the targets 0 and 2 of a row, odd 1 and 3. One pixel on,
// odd is even.
RT_HD __m512d two(__m256d low, __m256d high) {
    return _mm512_maskz_insertf64x4(0xff, _mm512_castpd256_pd512(low), high, 1);
}
RT_HD __m512d two(double low, double high) { return two(_mm256_set1_pd(low), _mm256_set1_pd(high)); }
RT_HD __m256d first_of(__m512d pair) { return _mm512_maskz_extractf64x4_pd(0xff, pair, 0); }
RT_HD __m256d second_of(__m512d pair) { return _mm512_maskz_extractf64x4_pd(0xff, pair, 1); }

template <bool Bounded>
RT_HD void add_run_wide(const Prepared<4>& p, int i, int end, double* sums, const float* maximum,
                        const int64_t* line, const int64_t* line_of_maximum) {
    double* s[4];
    const float* top[4];
    const int start = i;
    int at = kAhead;
    double ahead[Bounded ? 1 : kAhead][4][4];
    __m512d even[4], odd[4];
    for (int r = 0; r < 4; ++r) {
        s[r] = sums + line[r] * 4;
        top[r] = Bounded ? nullptr : maximum + line_of_maximum[r];
        even[r] = two(_mm256_loadu_pd(s[r]), _mm256_loadu_pd(s[r] + 8));
        odd[r] = two(_mm256_loadu_pd(s[r] + 4), _mm256_loadu_pd(s[r] + 12));
    }
    for (;;) {
        const __m256d brought = (__m256d)widen(load<float4>(p.payload[i]));
        const __m512d payload = two(brought, brought);
        if (!Bounded && at == kAhead) {
            for (int k = i; k < end && k < i + kAhead; ++k)
                weigh_taps<4, 4>(p, k, top, k - start, ahead[k - i]);
            at = 0;
        }
        const auto& w = ahead[Bounded ? 0 : at];
        const __m512d wx_even = Bounded ? two(p.wx[0][i], p.wx[2][i]) : payload,
                      wx_odd = Bounded ? two(p.wx[1][i], p.wx[3][i]) : payload;
        for (int r = 0; r < 4; ++r) {
            const __m512d share = payload * _mm512_set1_pd(p.wy[r][i]);
            even[r] += share * (Bounded ? wx_even : two(w[r][0], w[r][2]));
            odd[r] += share * (Bounded ? wx_odd : two(w[r][1], w[r][3]));
        }
        ++at;
        if (++i == end) break;
        for (int r = 0; r < 4; ++r) {
            _mm256_storeu_pd(s[r], first_of(even[r]));
            const __m512d next = two(second_of(even[r]), _mm256_loadu_pd(s[r] + 16));
            even[r] = odd[r];
            odd[r] = next;
            s[r] += 4;
        }
    }
    for (int r = 0; r < 4; ++r) {
        _mm512_storeu_pd(s[r], two(first_of(even[r]), first_of(odd[r])));
        _mm512_storeu_pd(s[r] + 8, two(second_of(even[r]), second_of(odd[r])));
    }
}
#endif

template <bool Bounded, int N>
RT_HD void add_run(const Prepared<N>& p, int i, int end, double* sums, const float* maximum,
                   const int64_t* line, const int64_t* line_of_maximum) {
#if defined(__AVX512VL__)
    if constexpr (N == 4) return add_run_wide<Bounded>(p, i, end, sums, maximum, line, line_of_maximum);
#endif
    constexpr int R = N * N + N + 3 <= kRegisters ? N : N / 2 * (N == 2 && !Bounded ? 2 : 1);
    for (int ky0 = 0; ky0 < N; ky0 += R)
        add_run_rows<Bounded, N, R>(p, i, end, ky0, sums, maximum, line, line_of_maximum);
}

// One source pixel of which some taps may be outside, or whose weights depend on the target's maximum.
template <int N>
__attribute__((noinline)) void add_clipped(const Prepared<N>& p, int i, int x0, const Ring& ring, Rows rows,
                                           bool bounded) {
    const int col = x0 + i + p.shift[i], row = p.row[i];
    if (row < rows.first - N) return;
    const double4 payload = widen(load<float4>(p.payload[i]));
    for (int ky = 0; ky < N; ++ky) {
        if (row + ky < rows.first || row + ky >= rows.last) continue;
        const double4 share = payload * splat_of<double4>(p.wy[ky][i]);
        for (int kx = 0; kx < N; ++kx) {
            if (col + kx < 0 || col + kx >= ring.width) continue;
            const int64_t at = ring.index(row + ky, col + kx);
            double w = p.wx[kx][i];
            if (!bounded) {
                if (p.wx[kx][i] * p.wy[ky][i] == 0.0) continue;
                w *= static_cast<double>(exp_of(p.z[i] - ring.highest(row + ky, col + kx)));
            }
            double* s = ring.sums + at * 4;
            store(s, load<double4>(s) + share * splat_of<double4>(w));
        }
    }
}

// run(first pixel, end, row, column) for the runs of a segment whose taps are all inside; for others that may
// have a tap in `rows` cut(...) where all columns are inside, single(pixel) where they are not or cut returns
// false.
template <int N, class Run, class Single, class Cut>
RT_HD void for_each_run(const Prepared<N>& p, const Ring& ring, Rows rows, int x0, int count, Run&& run,
                        Single&& single, Cut&& cut) {
    const int last_col = ring.width - N;
    const unsigned last_row = static_cast<unsigned>(rows.last - rows.first - N);
    const bool fits = ring.width >= N && rows.last - rows.first >= N;
    uint64_t breaks = find_breaks(p.shift, p.row);
    for (int i = 0; i < count;) {
        breaks &= breaks - 1;
        const int end = smaller(breaks ? __builtin_ctzll(breaks) : kSegment, count), row = p.row[i];
        const int64_t col = int64_t(x0) + i + p.shift[i];
        const bool across = col >= 0 && col + (end - 1 - i) <= last_col;
        if (across && fits && static_cast<unsigned>(row - rows.first) <= last_row)
            run(i, end, row, col);
        else if (row > rows.first - N && row < rows.last && !(across && cut(i, end, row, col)))
            for (int k = i; k < end; ++k) single(k);
        i = end;
    }
}

template <bool Bounded, int N>
void add_segment(const Prepared<N>& p, const Ring& ring, Rows rows, int x0, int count) {
    for_each_run(
        p, ring, rows, x0, count,
        [&](int i, int end, int row, int64_t col) __attribute__((always_inline)) {
            add_run<Bounded>(p, i, end, ring.sums + col * 4, Bounded ? nullptr : ring.maximum + col,
                             ring.line + (row - ring.row0),
                             Bounded ? nullptr : ring.line_of_maximum + (row - ring.row0));
        },
        [&](int k) { add_clipped(p, k, x0, ring, rows, Bounded); },
        [&](int i, int end, int row, int64_t col) {
            if (!Bounded) return false;
            for (int ky = larger(0, rows.first - row); ky < smaller(N, rows.last - row); ++ky)
                add_run_rows<true, N, 1>(p, i, end, ky, ring.sums + col * 4, nullptr,
                                         ring.line + (row - ring.row0), nullptr);
            return true;
        });
}

// The greatest z of every target, of a run as add_run_rows, of a pixel tap by tap.
template <int N>
RT_HD void raise_run(const Prepared<N>& p, int i, int end, float* maximum, const int64_t* line) {
    if constexpr (N == 4) {
        float* top[4];
        float4 window[4];
        for (int r = 0; r < 4; ++r) {
            top[r] = maximum + line[r];
            window[r] = load<float4>(top[r]);
        }
        for (;;) {
            const float4 none = splat_of<float4>(-__builtin_inff());
            const float4 z = load<float4>(p.across[i]) != 0.0f ? splat_of<float4>(p.z[i]) : none;
            for (int r = 0; r < 4; ++r) {
                const float4 depth = p.wy[r][i] != 0.0 ? z : none;
                window[r] = depth > window[r] ? depth : window[r];
            }
            if (++i == end) break;
            for (int r = 0; r < 4; ++r) {
                top[r][0] = window[r][0];
                window[r] = float4{window[r][1], window[r][2], window[r][3], top[r][4]};
                ++top[r];
            }
        }
        for (int r = 0; r < 4; ++r) store(top[r], window[r]);
    } else {
        for (int ky = 0; ky < N; ++ky)
            for (int kx = 0; kx < N; ++kx) {
                float* top = maximum + line[ky] + kx;
                for (int k = i; k < end; ++k) {
                    float& m = top[k - i];
                    m = p.wx[kx][k] * p.wy[ky][k] != 0.0 && p.z[k] > m ? p.z[k] : m;
                }
            }
    }
}

template <int N>
__attribute__((noinline)) void raise_clipped(const Prepared<N>& p, int i, int x0, const Ring& ring,
                                             Rows rows) {
    for (int ky = 0; ky < N; ++ky) {
        const int y = p.row[i] + ky;
        if (y < rows.first || y >= rows.last) continue;
        for (int kx = 0; kx < N; ++kx) {
            const int x = x0 + i + p.shift[i] + kx;
            if (x >= 0 && x < ring.width && p.wx[kx][i] * p.wy[ky][i] != 0.0) ring.raise(y, x, p.z[i]);
        }
    }
}

template <int N>
void raise_segment(const Prepared<N>& p, const Ring& ring, Rows rows, int x0, int count) {
    for_each_run(
        p, ring, rows, x0, count,
        [&](int i, int end, int row, int64_t col) __attribute__((always_inline)) {
            raise_run(p, i, end, ring.maximum + col, ring.line_of_maximum + (row - ring.row0));
        },
        [&](int k) { raise_clipped(p, k, x0, ring, rows); }, [](int, int, int, int64_t) { return false; });
}

template <int N>
void cover_segment(const Prepared<N>& p, const Ring& ring, Rows rows, int before, int x0, int count) {
    for (int i = 0; i < count; ++i) {
        if (p.row[i] < rows.first - N) continue;
        const int row = p.row[i] + before, col = x0 + i + p.shift[i] + before;
        const float fx = p.fx[i], fy = p.fy[i];
        for (int ky = 0; ky < 2; ++ky) {
            if (row + ky < rows.first || row + ky >= rows.last) continue;
            for (int kx = 0; kx < 2; ++kx)
                if (col + kx >= 0 && col + kx < ring.width)
                    ring.cover[ring.index(row + ky, col + kx)] +=
                        static_cast<double>((ky ? fy : 1.0f - fy) * (kx ? fx : 1.0f - fx));
        }
    }
}

// Least and greatest vertical component of n flow vectors; `wrong` becomes NaN when any component is not
// finite.
RT_HD void vertical_bounds(const float* flow, int n, float& low, float& high, float& wrong) {
    if (n < kSegment) {
        low = high = flow[1];
        for (int k = 0; k < n; ++k) {
            low = smaller(low, flow[2 * k + 1]);
            high = larger(high, flow[2 * k + 1]);
            wrong += (flow[2 * k] - flow[2 * k]) + (flow[2 * k + 1] - flow[2 * k + 1]);
        }
        return;
    }
    floats dx, dy, least, most, bad = {};
    unzip(load<floats>(flow), load<floats>(flow + kLanes), dx, least);
    most = least;
    for (int k = 0; k < kSegment; k += kLanes) {
        unzip(load<floats>(flow + 2 * k), load<floats>(flow + 2 * k + kLanes), dx, dy);
        least = dy < least ? dy : least;
        most = dy > most ? dy : most;
        bad += (dx - dx) + (dy - dy);
    }
    low = least[0];
    high = most[0];
    for (int j = 0; j < kLanes; ++j) {
        low = smaller(low, least[j]);
        high = larger(high, most[j]);
        wrong += bad[j];
    }
}

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

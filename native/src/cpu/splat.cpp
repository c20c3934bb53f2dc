// Splatting on the CPU: bands of target rows, double accumulators, channels in groups.
#include "bands.h"
#include "kernels.h"
#include "retempo/splat_backward.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

constexpr int kGroup = 16;                       // channels accumulated at once
constexpr int64_t kBandBytes = int64_t(1) << 19; // of accumulators, so that a band stays in the cache

template <class T>
struct MaximumSink {
    T* plane;
    int row0, width;
    RT_HD void raise(int y, int x, T z) const {
        T& m = plane[static_cast<int64_t>(y - row0) * width + x];
        if (z > m) m = z;
    }
};

// payload[channels] and the weight itself into [channels + 1] doubles a target.
template <class T, int Channels>
struct SumSink {
    double* sums;
    const T* maximum;
    int row0, width, channels;
    const double* payload; // [channels + 1], the last one is 1
    RT_HD T zmax(int y, int x) const { return maximum[static_cast<int64_t>(y - row0) * width + x]; }
    RT_HD void add(int y, int x, T w) const {
        const int n = Channels > 0 ? Channels + 1 : channels + 1;
        double* s = sums + (static_cast<int64_t>(y - row0) * width + x) * n;
        const double v = static_cast<double>(w);
        for (int c = 0; c < n; ++c) s[c] += v * payload[c];
    }
};

template <class T>
struct CoverSink {
    double* plane;
    int row0, width;
    RT_HD void add(int y, int x, T b) const {
        plane[static_cast<int64_t>(y - row0) * width + x] += static_cast<double>(b);
    }
};

template <class T, class F, int Channels>
void sum_band(const SplatForward<T>& v, const SplatOptions& options, const F& footprint,
              const RowRange* ranges, int64_t in, Rows rows, int64_t c0, int channels, double* sums,
              const T* maximum) {
    const int width = static_cast<int>(v.payload.w), height = static_cast<int>(v.payload.h);
    const int segments = (width + kSegment - 1) / kSegment;
    double payload[kGroup + 1];
    payload[channels] = 1.0;
    const SumSink<T, Channels> sink{sums, maximum, rows.first, width, channels, payload};
    const bool weighted = static_cast<bool>(v.metric);
    for (int y = 0; y < height; ++y)
        for (int s = 0; s < segments; ++s) {
            const RowRange range = ranges[(in * height + y) * segments + s];
            if (range.first >= rows.last || range.last < rows.first) continue;
            const int end = smaller(width, (s + 1) * kSegment);
            for (int x = s * kSegment; x < end; ++x) {
                for (int c = 0; c < channels; ++c)
                    payload[c] = static_cast<double>(v.payload(in, c0 + c, y, x));
                splat_pixel(footprint, options.mode, x, y, v.flow(in, 0, y, x), v.flow(in, 1, y, x),
                            weighted ? v.metric(in, 0, y, x) : T(0), rows, width, sink);
            }
        }
}

template <class T, class F>
void forward(const SplatForward<T>& v, const SplatOptions& options, const F& footprint) {
    const int width = static_cast<int>(v.payload.w), height = static_cast<int>(v.payload.h);
    const int64_t batch = v.payload.n, all = v.payload.c;
    if (width == 0 || height == 0 || batch == 0) return;
    const int segments = (width + kSegment - 1) / kSegment;

    RowRange* ranges =
        static_cast<RowRange*>(scratch(0, sizeof(RowRange) * static_cast<size_t>(batch) * height * segments));
    auto measure = [&](int64_t line) {
        const int64_t in = line / height;
        const int y = static_cast<int>(line % height);
        for (int s = 0; s < segments; ++s) {
            const int x0 = s * kSegment;
            // bilinear coverage reaches a subset of the wider footprint
            ranges[line * segments + s] = reach(smaller(kSegment, width - x0), y, 1, 2,
                                                [&](int i) { return v.flow(in, 1, y, x0 + i); });
        }
    };
    for_pieces(batch * height, options.threads, measure);

    const int group = static_cast<int>(smaller<int64_t>(all, kGroup));
    const int64_t line_bytes = int64_t(width) * (group + 1) * 8;
    const int band = static_cast<int>(clamped<int64_t>(kBandBytes / line_bytes, 4, 64));
    const int bands = (height + band - 1) / band;

    auto body = [&](int64_t piece) {
        const int64_t in = piece / bands;
        const int first = static_cast<int>(piece % bands) * band;
        const Rows rows{first, smaller(first + band, height)};
        const int64_t pixels = int64_t(rows.last - rows.first) * width;
        const bool soft = options.mode == Mode::softmax;

        T* maximum = nullptr;
        if (soft) {
            maximum = static_cast<T*>(scratch(1, sizeof(T) * pixels));
            for (int64_t i = 0; i < pixels; ++i) maximum[i] = -static_cast<T>(__builtin_inf());
        }
        double* cover = nullptr;
        if (v.coverage) {
            cover = static_cast<double*>(scratch(2, sizeof(double) * pixels));
            for (int64_t i = 0; i < pixels; ++i) cover[i] = 0.0;
        }
        if (soft || cover) {
            const MaximumSink<T> raise{maximum, rows.first, width};
            const CoverSink<T> add{cover, rows.first, width};
            for (int y = 0; y < height; ++y)
                for (int s = 0; s < segments; ++s) {
                    const RowRange range = ranges[(in * height + y) * segments + s];
                    if (range.first >= rows.last || range.last < rows.first) continue;
                    const int end = smaller(width, (s + 1) * kSegment);
                    for (int x = s * kSegment; x < end; ++x) {
                        const T dx = v.flow(in, 0, y, x), dy = v.flow(in, 1, y, x);
                        if (soft)
                            raise_maximum(footprint, x, y, dx, dy, v.metric(in, 0, y, x), rows, width, raise);
                        if (cover) cover_pixel(x, y, dx, dy, rows, width, add);
                    }
                }
        }

        double* sums = static_cast<double*>(scratch(3, sizeof(double) * pixels * (group + 1)));
        for (int64_t c0 = 0; c0 == 0 || c0 < all; c0 += kGroup) {
            const int channels = static_cast<int>(smaller<int64_t>(kGroup, all - c0));
            const int64_t step = channels + 1;
            for (int64_t i = 0; i < pixels * step; ++i) sums[i] = 0.0;
            switch (channels) {
            case 1:
                sum_band<T, F, 1>(v, options, footprint, ranges, in, rows, c0, channels, sums, maximum);
                break;
            case 3:
                sum_band<T, F, 3>(v, options, footprint, ranges, in, rows, c0, channels, sums, maximum);
                break;
            case 4:
                sum_band<T, F, 4>(v, options, footprint, ranges, in, rows, c0, channels, sums, maximum);
                break;
            case 16:
                sum_band<T, F, 16>(v, options, footprint, ranges, in, rows, c0, channels, sums, maximum);
                break;
            default:
                sum_band<T, F, 0>(v, options, footprint, ranges, in, rows, c0, channels, sums, maximum);
                break;
            }
            for (int y = rows.first; y < rows.last; ++y)
                for (int x = 0; x < width; ++x) {
                    const int64_t i = int64_t(y - rows.first) * width + x;
                    const double* s = sums + i * step;
                    const double total = s[channels];
                    const bool hole = static_cast<T>(total) == T(0);
                    for (int c = 0; c < channels; ++c)
                        v.out(in, c0 + c, y, x) =
                            hole ? T(0) : static_cast<T>(options.mode == Mode::sum ? s[c] : s[c] / total);
                    if (c0 == 0) {
                        v.norm(in, 0, y, x) = static_cast<T>(total);
                        if (v.zmax) v.zmax(in, 0, y, x) = maximum ? maximum[i] : T(0);
                        if (cover) v.coverage(in, 0, y, x) = static_cast<T>(cover[i]);
                    }
                }
        }
    };
    for_pieces(batch * bands, options.threads, body);
}

template <class T, class F>
void backward(const SplatBackward<T>& v, const SplatOptions& options, const F& footprint) {
    const int width = static_cast<int>(v.payload.w), height = static_cast<int>(v.payload.h);
    auto body = [&](int64_t line) {
        for (int x = 0; x < width; ++x)
            splat_backward_pixel(footprint, options.mode, v.grad_out, v.payload, v.flow, v.metric, v.out,
                                 v.norm, v.zmax, v.grad_payload, v.grad_flow, v.grad_metric, line / height,
                                 static_cast<int>(line % height), x);
    };
    for_pieces(v.payload.n * height, options.threads, body);
}

template <class T>
void splat_forward_any(const SplatForward<T>& v, const SplatOptions& o) {
    if (o.footprint == FootprintKind::bilinear)
        forward(v, o, Bilinear{});
    else
        forward(v, o, Gaussian{o.sigma});
}

template <class T>
void splat_backward_any(const SplatBackward<T>& v, const SplatOptions& o) {
    if (o.footprint == FootprintKind::bilinear)
        backward(v, o, Bilinear{});
    else
        backward(v, o, Gaussian{o.sigma});
}

} // namespace

void register_splat(Kernels& table) {
    table.splat_forward_f = splat_forward_any<float>;
    table.splat_forward_d = splat_forward_any<double>;
    table.splat_backward_f = splat_backward_any<float>;
    table.splat_backward_d = splat_backward_any<double>;
}

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

// Backward warping on the CPU: rows of targets forward, bands of image rows for the transposed warp.
#include "bands.h"
#include "kernels.h"
#include "lanczos.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

template <class Call>
RT_HD void with_filter(Filter filter, Call&& call) {
    if (filter == Filter::bilinear)
        call(BilinearFilter{});
    else if (filter == Filter::lanczos4)
        call(Lanczos4Filter{});
    else
        call(NearestFilter{});
}

template <class T>
void forward(const WarpForward<T>& v, const WarpOptions& options) {
    const int64_t height = v.out.h;
    auto body = [&](int64_t line) {
        with_filter(options.filter, [&](auto filter) {
            for (int x = 0; x < static_cast<int>(v.out.w); ++x)
                warp_pixel(filter, options.border, v.image, v.flow, v.out, line / height,
                           static_cast<int>(line % height), x);
        });
    };
    for_pieces(v.out.n * height, options.threads, body);
}

template <class T>
struct ImageSink {
    double* sums;
    int row0, width, channels;
    const double* grad;
    RT_HD void add(int y, int x, T w) const {
        double* s = sums + (static_cast<int64_t>(y - row0) * width + x) * channels;
        const double weight = static_cast<double>(w);
        for (int c = 0; c < channels; ++c) s[c] += weight * grad[c];
    }
};

template <class T, class Fl>
void backward_image(const WarpBackward<T>& v, const WarpOptions& options, const Fl& filter) {
    constexpr int kGroup = 16;
    const int width = static_cast<int>(v.image.w), height = static_cast<int>(v.image.h);
    const int targets_w = static_cast<int>(v.flow.w), targets_h = static_cast<int>(v.flow.h);
    if (width == 0 || height == 0) return;
    const int segments = (targets_w + kSegment - 1) / kSegment;
    RowRange* ranges = static_cast<RowRange*>(
        scratch(0, sizeof(RowRange) * static_cast<size_t>(v.flow.n) * targets_h * segments + 1));
    auto measure = [&](int64_t line) {
        const int64_t in = line / targets_h;
        const int y = static_cast<int>(line % targets_h);
        for (int s = 0; s < segments; ++s) {
            const int x0 = s * kSegment;
            RowRange r = reach(smaller(kSegment, targets_w - x0), y, Fl::count / 2, Fl::count / 2,
                               [&](int i) { return v.flow(in, 1, y, x0 + i); });
            if (options.border == Border::edge)
                r = {clamped(r.first, 0, height - 1), clamped(r.last, 0, height - 1)};
            ranges[line * segments + s] = r;
        }
    };
    for_pieces(v.flow.n * targets_h, options.threads, measure);

    const int group = static_cast<int>(smaller<int64_t>(v.image.c, kGroup));
    const int band = static_cast<int>(
        clamped<int64_t>((int64_t(1) << 19) / (int64_t(width) * larger(group, 1) * 8), 4, 64));
    const int bands = (height + band - 1) / band;
    auto body = [&](int64_t piece) {
        const int64_t in = piece / bands;
        const int first = static_cast<int>(piece % bands) * band, last = smaller(first + band, height);
        const int64_t pixels = int64_t(last - first) * width;
        double* sums = static_cast<double*>(scratch(1, sizeof(double) * pixels * group));
        double grad[kGroup];
        for (int64_t c0 = 0; c0 < v.image.c; c0 += kGroup) {
            const int channels = static_cast<int>(smaller<int64_t>(kGroup, v.image.c - c0));
            for (int64_t i = 0; i < pixels * channels; ++i) sums[i] = 0.0;
            const ImageSink<T> sink{sums, first, width, channels, grad};
            for (int y = 0; y < targets_h; ++y)
                for (int s = 0; s < segments; ++s) {
                    const RowRange range = ranges[(in * targets_h + y) * segments + s];
                    if (range.first >= last || range.last < first) continue;
                    const int end = smaller(targets_w, (s + 1) * kSegment);
                    for (int x = s * kSegment; x < end; ++x) {
                        for (int c = 0; c < channels; ++c)
                            grad[c] = static_cast<double>(v.grad_out(in, c0 + c, y, x));
                        warp_backward_image(filter, options.border, width, height, x, y, v.flow(in, 0, y, x),
                                            v.flow(in, 1, y, x), first, last, sink);
                    }
                }
            for (int y = first; y < last; ++y)
                for (int x = 0; x < width; ++x)
                    for (int c = 0; c < channels; ++c)
                        v.grad_image(in, c0 + c, y, x) =
                            static_cast<T>(sums[(int64_t(y - first) * width + x) * channels + c]);
        }
    };
    for_pieces(v.image.n * bands, options.threads, body);
}

template <class T>
void backward(const WarpBackward<T>& v, const WarpOptions& options) {
    if (v.grad_flow) {
        const int64_t height = v.flow.h;
        auto body = [&](int64_t line) {
            with_filter(options.filter, [&](auto filter) {
                for (int x = 0; x < static_cast<int>(v.flow.w); ++x)
                    warp_backward_flow(filter, options.border, v.grad_out, v.image, v.flow, v.grad_flow,
                                       line / height, static_cast<int>(line % height), x);
            });
        };
        for_pieces(v.flow.n * height, options.threads, body);
    }
    if (v.grad_image) with_filter(options.filter, [&](auto filter) { backward_image(v, options, filter); });
}

void image_lanczos(const WarpImage& v, const WarpOptions& options) {
    const int width = static_cast<int>(v.image.w), height = static_cast<int>(v.image.h);
    const int targets = static_cast<int>(v.out.w), channels = static_cast<int>(v.out.c);
    auto body = [&](int64_t y) {
        alignas(64) float fx[kSegment], fy[kSegment];
        int cell_x[kSegment], cell_y[kSegment];
        for (int x0 = 0; x0 < targets; x0 += kSegment) {
            const int n = smaller(kSegment, targets - x0);
            for (int k = 0; k < kSegment; ++k) {
                const float* f = v.flow.at(y, x0 + smaller(k, n - 1));
                const Split<float> x = split(f[0]), row = split(f[1]);
                cell_x[k] = x0 + k + x.cell;
                cell_y[k] = static_cast<int>(y) + row.cell;
                fx[k] = x.fraction;
                fy[k] = row.fraction;
            }
            const LanczosSegment segment(fx, fy);
            for (int k = 0; k < n; ++k) {
                float* out = v.out.at(y, x0 + k);
                if (segment.is_plain(k, cell_x[k], cell_y[k], width, height)) {
                    segment.sample_at(k, v.image.at(cell_y[k], cell_x[k]), v.image.row, channels,
                                      [&](int c, auto value) { store(out + c, value); });
                    continue;
                }
                const auto taps =
                    aim(Lanczos4Filter{}, cell_x[k], cell_y[k], fx[k], fy[k], width, height, options.border);
                for (int64_t c = 0; c < v.out.c; ++c)
                    out[c] = sample(taps, [&](int iy, int ix) { return v.image.at(iy, ix)[c]; });
            }
        }
    };
    for_pieces(v.out.h, options.threads, body);
}

void image(const WarpImage& v, const WarpOptions& options) {
    if (options.filter == Filter::lanczos4) return image_lanczos(v, options);
    const int width = static_cast<int>(v.image.w), height = static_cast<int>(v.image.h);
    auto body = [&](int64_t y) {
        with_filter(options.filter, [&](auto filter) {
            for (int x = 0; x < static_cast<int>(v.out.w); ++x) {
                const float* f = v.flow.at(y, x);
                const auto taps =
                    aim_along(filter, x, static_cast<int>(y), f[0], f[1], width, height, options.border);
                float* out = v.out.at(y, x);
                for (int64_t c = 0; c < v.out.c; ++c)
                    out[c] = sample(taps, [&](int iy, int ix) { return v.image.at(iy, ix)[c]; });
            }
        });
    };
    for_pieces(v.out.h, options.threads, body);
}

void ids(const WarpIds& v, const WarpOptions& options) {
    const int width = static_cast<int>(v.ids.w), height = static_cast<int>(v.ids.h);
    auto body = [&](int64_t y) {
        for (int x = 0; x < static_cast<int>(v.out.w); ++x) {
            const float* f = v.flow.at(y, x);
            const auto taps =
                aim_along(NearestFilter{}, x, static_cast<int>(y), f[0], f[1], width, height, options.border);
            uint32_t* out = v.out.at(y, x);
            const bool outside = taps.ix[0] < 0 || taps.iy[0] < 0;
            for (int64_t c = 0; c < v.out.c; ++c) out[c] = outside ? 0u : v.ids.at(taps.iy[0], taps.ix[0])[c];
        }
    };
    for_pieces(v.out.h, options.threads, body);
}

} // namespace

void register_warp(Kernels& table) {
    table.warp_forward_f = forward<float>;
    table.warp_forward_d = forward<double>;
    table.warp_backward_f = backward<float>;
    table.warp_backward_d = backward<double>;
    table.warp_image = image;
    table.warp_ids = ids;
}

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

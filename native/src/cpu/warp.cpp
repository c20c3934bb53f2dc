// Backward warping on the CPU: rows of targets forward, bands of image rows for the transposed warp.
#include "bands.h"
#include "bicubic.h"
#include "kernels.h"
#include "lanczos.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

// `Bicubic` is the limited one for pictures.
template <class Bicubic = BicubicFilter, class Call>
RT_HD void with_filter(Filter filter, Call&& call) {
    if (filter == Filter::bilinear)
        call(BilinearFilter{});
    else if (filter == Filter::bicubic)
        call(Bicubic{});
    else if (filter == Filter::lanczos4)
        call(Lanczos4Filter{});
    else
        call(NearestFilter{});
}

// Where kSegment targets of a row sample.
struct Positions {
    int x[kSegment], y[kSegment];
    alignas(64) float fx[kSegment], fy[kSegment];

    // displacement(x, axis) for the n targets from (x0, row) on; behind them the last one is repeated.
    template <class Displacement>
    RT_HD void aim(int x0, int row, int n, Displacement&& displacement) {
        for (int k = 0; k < kSegment; ++k) {
            const int from = x0 + smaller(k, n - 1);
            const Split<float> dx = split(displacement(from, 0)), dy = split(displacement(from, 1));
            x[k] = from + dx.cell;
            y[k] = row + dy.cell;
            fx[k] = dx.fraction;
            fy[k] = dy.fraction;
        }
    }

    // The same along kSegment vectors that lie side by side, lane by lane.
    RT_HD void aim_along_row(int x0, int row, const float* flow) {
        for (int i = 0; i < kSegment; i += kLanes) {
            floats dx, dy, across, down;
            ints column, line;
            unzip(load<floats>(flow + 2 * i), load<floats>(flow + 2 * i + kLanes), dx, dy);
            split_lanes(dx, column, across);
            split_lanes(dy, line, down);
            store(x + i, column + lane_numbers() + (x0 + i));
            store(y + i, line + row);
            store(fx + i, across);
            store(fy + i, down);
        }
    }
};

// Planar, a wide filter: targets side by side that sample side by side are taken together, all channels along
// one aim.
template <class Segment>
void forward_wide(const WarpForward<float>& v, const WarpOptions& options) {
    const int width = static_cast<int>(v.image.w), height = static_cast<int>(v.image.h);
    const int targets = static_cast<int>(v.out.w);
    auto body = [&](int64_t piece) {
        const int64_t in = piece / v.out.h;
        const int y = static_cast<int>(piece % v.out.h);
        Positions at;
        for (int x0 = 0; x0 < targets; x0 += kSegment) {
            const int n = smaller(kSegment, targets - x0);
            at.aim(x0, y, n, [&](int x, int axis) { return v.flow(in, axis, y, x); });
            const Segment segment(at.fx, at.fy);
            for (int k = 0, end; k < n; k = end) {
                end = k + 1;
                if (!segment.is_plain(k, at.x[k], at.y[k], width, height, 1)) {
                    for (int64_t c = 0; c < v.out.c; ++c)
                        v.out(in, c, y, x0 + k) =
                            segment.sample_border(k, at.x[k], at.y[k], width, height, options.border,
                                                  [&](int iy, int ix) { return v.image(in, c, iy, ix); });
                    continue;
                }
                // lanes behind the run compute, from pixels that exist, what nobody keeps
                const bool room = k + kLanes <= kSegment && at.x[k] + kLanes + Segment::after <= width;
                if (room && segment.is_full(k))
                    while (end < smaller(n, k + kLanes) && segment.is_full(end) && at.y[end] == at.y[k] &&
                           at.x[end] - at.x[k] == end - k)
                        ++end;
                for (int64_t c = 0; c < v.out.c; ++c) {
                    const float* cell = &v.image(in, c, at.y[k], at.x[k]);
                    float* out = &v.out(in, c, y, x0 + k);
                    if (end - k > 1) {
                        const floats found = segment.sample_neighbours(k, cell, v.image.sh);
                        memcpy(out, &found, sizeof(float) * (end - k));
                    } else
                        *out = segment.sample_planar(k, cell, v.image.sh);
                }
            }
        }
    };
    for_pieces(v.out.n * v.out.h, options.threads, body);
}

template <class T>
void forward(const WarpForward<T>& v, const WarpOptions& options) {
    if constexpr (sizeof(T) == sizeof(float))
        if (v.image.sw == 1 && v.out.sw == 1) {
            if (options.filter == Filter::lanczos4) return forward_wide<LanczosSegment>(v, options);
            if (options.filter == Filter::bicubic)
                return forward_wide<BicubicSegment<BicubicFilter>>(v, options);
        }
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

template <class Segment>
void image_wide(const WarpImage& v, const WarpOptions& options) {
    const int width = static_cast<int>(v.image.w), height = static_cast<int>(v.image.h);
    const int targets = static_cast<int>(v.out.w), channels = static_cast<int>(v.out.c);
    auto body = [&](int64_t y) {
        Positions at;
        for (int x0 = 0; x0 < targets; x0 += kSegment) {
            const int n = smaller(kSegment, targets - x0);
            at.aim(x0, static_cast<int>(y), n, [&](int x, int axis) { return v.flow.at(y, x)[axis]; });
            const Segment segment(at.fx, at.fy);
            for (int k = 0; k < n; ++k) {
                float* out = v.out.at(y, x0 + k);
                if (segment.is_plain(k, at.x[k], at.y[k], width, height, channels)) {
                    segment.sample_at(k, v.image.at(at.y[k], at.x[k]), v.image.row, channels,
                                      [&](int c, auto value) {
                                          if (sizeof value > sizeof(float) && channels == 3)
                                              memcpy(out, &value, smaller(sizeof value, 3 * sizeof(float)));
                                          else
                                              store(out + c, value);
                                      });
                    continue;
                }
                for (int64_t c = 0; c < v.out.c; ++c)
                    out[c] = segment.sample_border(k, at.x[k], at.y[k], width, height, options.border,
                                                   [&](int iy, int ix) { return v.image.at(iy, ix)[c]; });
            }
        }
    };
    for_pieces(v.out.h, options.threads, body);
}

// Two channels, a flow along a flow: both texels of a row in one load.
void image_bilinear_two(const WarpImage& v, const WarpOptions& options) {
    const int width = static_cast<int>(v.image.w), height = static_cast<int>(v.image.h);
    const int targets = static_cast<int>(v.out.w);
    auto body = [&](int64_t y) {
        Positions at;
        for (int x0 = 0; x0 < targets; x0 += kSegment) {
            const int n = smaller(kSegment, targets - x0);
            if (n == kSegment)
                at.aim_along_row(x0, static_cast<int>(y), v.flow.at(y, x0));
            else
                at.aim(x0, static_cast<int>(y), n, [&](int x, int axis) { return v.flow.at(y, x)[axis]; });
            for (int k = 0; k < n; ++k) {
                float* out = v.out.at(y, x0 + k);
                const int x = at.x[k], row = at.y[k];
                if (x < 0 || row < 0 || x + 1 >= width || row + 1 >= height) {
                    const auto taps = retempo::RETEMPO_ISA::aim(BilinearFilter{}, x, row, at.fx[k], at.fy[k],
                                                                width, height, options.border);
                    for (int c = 0; c < 2; ++c)
                        out[c] = sample(taps, [&](int iy, int ix) { return v.image.at(iy, ix)[c]; });
                    continue;
                }
                const float4 f = splat_of<float4>(at.fy[k]), g = splat_of<float4>(1.0f - at.fy[k]);
                const float4 both = mix_lanes(load<float4>(v.image.at(row, x)),
                                              load<float4>(v.image.at(row + 1, x)), f, g, f == float4{});
                const float fx = at.fx[k];
                out[0] = mix(both[0], both[2], fx);
                out[1] = mix(both[1], both[3], fx);
            }
        }
    };
    for_pieces(v.out.h, options.threads, body);
}

void image(const WarpImage& v, const WarpOptions& options) {
    if (options.filter == Filter::lanczos4) return image_wide<LanczosSegment>(v, options);
    if (options.filter == Filter::bicubic)
        return image_wide<BicubicSegment<LimitedBicubicFilter>>(v, options);
    if (options.filter == Filter::bilinear && v.out.c == 2) return image_bilinear_two(v, options);
    const int width = static_cast<int>(v.image.w), height = static_cast<int>(v.image.h);
    auto body = [&](int64_t y) {
        with_filter<LimitedBicubicFilter>(options.filter, [&](auto filter) {
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

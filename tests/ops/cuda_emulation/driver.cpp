// How does a test call the emulated launchers? Plain functions over C-contiguous float arrays.
#include <cstdio>
#include <exception>
#include <vector>

#include "cuda_runtime.h"
#include "retempo/ops.h"

using namespace retempo;

namespace {

char message[400] = "";

// 0: fine; 1: an error, see emulated_error().
template <class Call>
int guarded(Call&& call) {
    try {
        call();
        return 0;
    } catch (const std::exception& error) {
        std::snprintf(message, sizeof message, "%s", error.what());
        return 1;
    }
}

template <class T>
View4<T> optional(T* data, int64_t n, int64_t c, int64_t h, int64_t w) {
    return data ? planar(data, n, c, h, w) : View4<T>{};
}

} // namespace

extern "C" {

const char* emulated_error() { return message; }
void emulated_order(int backwards) { emulation::backwards = backwards != 0; }
void emulated_memory(int64_t bytes) { emulation::bytes_left = bytes; }
int64_t emulated_leaks() { return emulation::blocks_alive; }

// size: n, c, h, w
int emulated_splat_forward(const int64_t* size, const float* payload, const float* flow, const float* metric,
                           float* out, float* norm, float* zmax, float* coverage, int mode, int footprint,
                           double sigma, int deterministic) {
    const int64_t n = size[0], c = size[1], h = size[2], w = size[3];
    const SplatForward<float> views{planar(payload, n, c, h, w),   planar(flow, n, 2, h, w),
                                    optional(metric, n, 1, h, w),  planar(out, n, c, h, w),
                                    planar(norm, n, 1, h, w),      optional(zmax, n, 1, h, w),
                                    optional(coverage, n, 1, h, w)};
    const SplatOptions options{static_cast<Mode>(mode), static_cast<FootprintKind>(footprint), sigma, 0,
                               deterministic != 0};
    return guarded([&] { cuda::splat_forward(views, options, nullptr); });
}

int emulated_splat_backward(const int64_t* size, const float* grad_out, const float* payload,
                            const float* flow, const float* metric, const float* out, const float* norm,
                            const float* zmax, float* grad_payload, float* grad_flow, float* grad_metric,
                            int mode, int footprint, double sigma) {
    const int64_t n = size[0], c = size[1], h = size[2], w = size[3];
    const SplatBackward<float> views{planar(grad_out, n, c, h, w),  planar(payload, n, c, h, w),
                                     planar(flow, n, 2, h, w),      optional(metric, n, 1, h, w),
                                     planar(out, n, c, h, w),       planar(norm, n, 1, h, w),
                                     optional(zmax, n, 1, h, w),    planar(grad_payload, n, c, h, w),
                                     planar(grad_flow, n, 2, h, w), optional(grad_metric, n, 1, h, w)};
    const SplatOptions options{static_cast<Mode>(mode), static_cast<FootprintKind>(footprint), sigma, 0,
                               false};
    return guarded([&] { cuda::splat_backward(views, options, nullptr); });
}

// size: n, c, image h, image w, flow h, flow w
int emulated_warp_forward(const int64_t* size, const float* image, const float* flow, float* out, int filter,
                          int border) {
    const int64_t n = size[0], c = size[1], ih = size[2], iw = size[3], h = size[4], w = size[5];
    const WarpForward<float> views{planar(image, n, c, ih, iw), planar(flow, n, 2, h, w),
                                   planar(out, n, c, h, w)};
    const WarpOptions options{static_cast<Filter>(filter), static_cast<Border>(border), 0, false};
    return guarded([&] { cuda::warp_forward(views, options, nullptr); });
}

int emulated_warp_backward(const int64_t* size, const float* grad_out, const float* image, const float* flow,
                           float* grad_image, float* grad_flow, int filter, int border, int deterministic) {
    const int64_t n = size[0], c = size[1], ih = size[2], iw = size[3], h = size[4], w = size[5];
    const WarpBackward<float> views{planar(grad_out, n, c, h, w), planar(image, n, c, ih, iw),
                                    planar(flow, n, 2, h, w), planar(grad_image, n, c, ih, iw),
                                    planar(grad_flow, n, 2, h, w)};
    const WarpOptions options{static_cast<Filter>(filter), static_cast<Border>(border), 0,
                              deterministic != 0};
    return guarded([&] { cuda::warp_backward(views, options, nullptr); });
}

int emulated_warp_image(const int64_t* size, const float* image, const float* flow, float* out, int filter,
                        int border) {
    const int64_t c = size[1], ih = size[2], iw = size[3], h = size[4], w = size[5];
    const WarpImage views{channel_last(image, ih, iw, c), channel_last(flow, h, w, 2),
                          channel_last(out, h, w, c)};
    const WarpOptions options{static_cast<Filter>(filter), static_cast<Border>(border), 0, false};
    return guarded([&] { cuda::warp_image(views, options, nullptr); });
}

int emulated_warp_ids(const int64_t* size, const uint32_t* ids, const float* flow, uint32_t* out,
                      int border) {
    const int64_t c = size[1], ih = size[2], iw = size[3], h = size[4], w = size[5];
    const WarpIds views{channel_last(ids, ih, iw, c), channel_last(flow, h, w, 2),
                        channel_last(out, h, w, c)};
    const WarpOptions options{Filter::nearest, static_cast<Border>(border), 0, false};
    return guarded([&] { cuda::warp_ids(views, options, nullptr); });
}

// size: h, w
int emulated_invert_flow(const int64_t* size, const float* flow, const float* metric, const float* trust,
                         const float* guess, float* out, uint8_t* seen, int deterministic) {
    const int64_t h = size[0], w = size[1];
    const Inversion views{channel_last(flow, h, w, 2),  channel_last(metric, h, w, 1),
                          channel_last(trust, h, w, 1), channel_last(guess, h, w, 2),
                          channel_last(out, h, w, 2),   channel_last(seen, h, w, 1)};
    return guarded([&] { cuda::invert_flow(views, {0, deterministic != 0}, nullptr); });
}

int64_t emulated_find_non_finite(const float* data, int64_t count) {
    return cuda::find_non_finite(data, count, nullptr);
}

// size: frames, candidates, source rows, width, channels, id channels, frame height, source_row0, out_row0,
// out rows. choices: footprint, coverage gate, filter, merge, deterministic. numbers: sigma, exponent, metric
// bound. planes: flow, splat, merge and bend (or null) of each candidate; which: its frame; scales, weights: two numbers each.
int emulated_synthesize(const int64_t* size, const int* choices, const double* numbers,
                        const float* const* frames, const uint32_t* const* ids, const float* const* planes,
                        const int* which, const float* scales, const float* weights, float* out,
                        uint32_t* ids_out, uint8_t* hole, float* weight_sum) {
    const int64_t rows = size[2], width = size[3];
    std::vector<Image<const float>> frame_views;
    std::vector<Image<const uint32_t>> id_views;
    for (int64_t i = 0; i < size[0]; ++i) {
        frame_views.push_back(channel_last(frames[i], rows, width, size[4]));
        if (ids) id_views.push_back(channel_last(ids[i], rows, width, size[5]));
    }
    std::vector<Candidate> candidates;
    for (int64_t i = 0; i < size[1]; ++i) {
        const float* const* own = planes + 4 * i;
        candidates.push_back({which[i], channel_last(own[0], rows, width, 2),
                              channel_last(own[1], rows, width, 1), channel_last(own[2], rows, width, 1),
                              scales[i], weights[i], own[3]});
    }
    Synthesis views;
    views.frames = frame_views.data();
    views.ids = ids ? id_views.data() : nullptr;
    views.frame_count = static_cast<int>(size[0]);
    views.candidates = candidates.data();
    views.candidate_count = static_cast<int>(size[1]);
    views.strip.frame_height = static_cast<int>(size[6]);
    views.strip.source_row0 = static_cast<int>(size[7]);
    views.strip.source_rows = static_cast<int>(rows);
    views.strip.out_row0 = static_cast<int>(size[8]);
    views.strip.out_rows = static_cast<int>(size[9]);
    views.strip.width = static_cast<int>(width);
    views.out = channel_last(out, size[9], width, size[4]);
    if (ids) views.ids_out = channel_last(ids_out, size[9], width, size[5]);
    views.hole = channel_last(hole, size[9], width, 1);
    views.weight_sum = channel_last(weight_sum, size[9], width, 1);
    SynthesisOptions options;
    options.footprint = static_cast<FootprintKind>(choices[0]);
    options.coverage_gate = choices[1] != 0;
    options.filter = static_cast<Filter>(choices[2]);
    options.merge = static_cast<Merge>(choices[3]);
    options.deterministic = choices[4] != 0;
    options.sigma = numbers[0];
    options.merge_exponent = static_cast<float>(numbers[1]);
    options.metric_bound = static_cast<float>(numbers[2]);
    return guarded([&] { cuda::synthesize(views, options, nullptr); });
}

} // extern "C"

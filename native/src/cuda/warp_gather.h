// What does one image pixel collect of the gradient of the samples that read it? The deterministic transpose.
//
// The same weights as warp_backward_image (backward_warp.h), seen from the pixel, in the landing lists'
// order. No CUDA in here: a test compiles this file for the CPU.
#pragma once

#include "landing_cells.h"
#include "retempo/ops.h"
#include "splat_gather.h"

namespace retempo::cuda {

// First and last tap around the floor of the sampling position.
inline TapSpan span_of(const NearestFilter&) { return {0, 1}; }
inline TapSpan span_of(const BilinearFilter&) { return {0, 1}; }
inline TapSpan span_of(const BicubicFilter&) { return {-1, 2}; }
inline TapSpan span_of(const Lanczos4Filter&) { return {-3, 4}; }

// Weight of axis taps on pixel `i`: several taps may be clamped onto one border pixel.
template <int N>
RT_HD float weight_on(const AxisTaps<float, N>& taps, const int (&index)[N], int i) {
    float weight = 0.0f;
    for (int k = 0; k < N; ++k) {
        if (index[k] == i) weight += taps.weight[k];
    }
    return weight;
}

// Fills grad_image(n, :, y, x).
template <class Fl>
RT_HD void gather_image_gradient(const Fl& filter, Border border, const WarpBackward<float>& v,
                                 const LandingLists& lists, int64_t n, int64_t list_sample, int y, int x) {
    const int width = static_cast<int>(v.grad_image.w);
    const int height = static_cast<int>(v.grad_image.h);
    for (int64_t first = 0; first < v.grad_image.c; first += kGatherChannels) {
        const int channels = static_cast<int>(smaller<int64_t>(v.grad_image.c - first, kGatherChannels));
        float sums[kGatherChannels] = {};
        lists.visit(list_sample, y, x, [&](int sy, int sx) {
            const auto taps =
                aim_along(filter, sx, sy, v.flow(n, 0, sy, sx), v.flow(n, 1, sy, sx), width, height, border);
            const float w = weight_on(taps.x, taps.ix, x) * weight_on(taps.y, taps.iy, y);
            if (w == 0.0f) return;
            for (int channel = 0; channel < kGatherChannels; ++channel) {
                if (channel < channels) sums[channel] += w * v.grad_out(n, first + channel, sy, sx);
            }
        });
        for (int channel = 0; channel < kGatherChannels; ++channel) {
            if (channel < channels) v.grad_image(n, first + channel, y, x) = sums[channel];
        }
    }
}

} // namespace retempo::cuda

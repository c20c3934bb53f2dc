// What does one target pixel collect from its landing lists? The deterministic forward splat.
//
// The same sums as splat_forward.h, seen from the target: maximum, denominator and channels in one go, in the
// lists' order. No CUDA in here: a test compiles this file for the CPU and compares it with the scatter.
#pragma once

#include <cmath>

#include "landing_cells.h"
#include "retempo/ops.h"

namespace retempo::cuda {

constexpr int kGatherChannels = 8; // channels a gathering thread holds in registers

// Footprint weight of source (sy, sx) on target (y, x).
template <class F>
RT_HD float landing_weight(const F& footprint, const View4<const float>& flow, int64_t n, int sy, int sx,
                           int y, int x) {
    const Split<float> dx = split(flow(n, 0, sy, sx));
    const Split<float> dy = split(flow(n, 1, sy, sx));
    return footprint.weight(y - (sy + dy.cell - F::before), dy.fraction) *
           footprint.weight(x - (sx + dx.cell - F::before), dx.fraction);
}

// Fills target (n, y, x); `list_sample` is the sample's number inside `lists`.
template <class F>
RT_HD void gather_pixel(const F& footprint, Mode mode, const SplatForward<float>& a,
                        const LandingLists& lists, int64_t n, int64_t list_sample, int y, int x) {
    const bool weighted = mode == Mode::linear || mode == Mode::softmax;
    float zmax = -INFINITY;
    if (mode == Mode::softmax) {
        lists.visit(list_sample, y, x, [&](int sy, int sx) {
            const float z = a.metric(n, 0, sy, sx);
            if (!is_finite(z) || z <= zmax) return;
            if (landing_weight(footprint, a.flow, n, sy, sx, y, x) != 0.0f) zmax = z;
        });
        a.zmax(n, 0, y, x) = zmax;
    }
    float norm = 0.0f;
    for (int64_t first = 0; first == 0 || first < a.payload.c; first += kGatherChannels) {
        const int channels = static_cast<int>(smaller<int64_t>(a.payload.c - first, kGatherChannels));
        float sums[kGatherChannels] = {};
        float total = 0.0f;
        lists.visit(list_sample, y, x, [&](int sy, int sx) {
            float w = landing_weight(footprint, a.flow, n, sy, sx, y, x);
            if (w == 0.0f) return;
            if (weighted) {
                const float z = a.metric(n, 0, sy, sx);
                if (!is_finite(z)) return;
                w *= mode == Mode::linear ? z : exp_of(z - zmax);
            }
            total += w;
            for (int channel = 0; channel < kGatherChannels; ++channel) {
                if (channel < channels) sums[channel] += w * a.payload(n, first + channel, sy, sx);
            }
        });
        if (first == 0) norm = total;
        for (int channel = 0; channel < kGatherChannels; ++channel) {
            if (channel >= channels) continue;
            const float value = mode == Mode::sum ? sums[channel] : sums[channel] / norm;
            a.out(n, first + channel, y, x) = norm == 0.0f ? 0.0f : value;
        }
    }
    a.norm(n, 0, y, x) = norm;
    if (a.coverage) {
        float covered = 0.0f;
        lists.visit(list_sample, y, x,
                    [&](int sy, int sx) { covered += landing_weight(Bilinear{}, a.flow, n, sy, sx, y, x); });
        a.coverage(n, 0, y, x) = covered;
    }
}

} // namespace retempo::cuda

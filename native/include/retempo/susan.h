// What does a pixel become among neighbours that look like it? The structure-preserving smoothing of SUSAN.
//
// Smith & Brady, "SUSAN - a new approach to low level image processing", IJCV 1997, section 6, over space and
// time, as Ilie, Raskar & Yu denoise video with it (MERL TR2004-020):
//     out(p) = sum over q != p of I(q) w(q) / sum of w(q)
//     w(q)   = exp(-|q - p|^2 / (2 sigma^2) - d(p, q)^2 / t^2)
// d is the difference of brightness; of several channels its root mean square, so that all channels of a
// pixel get the same weights and no colour fringes. q runs over (2 radius + 1)^2 pixels of every frame given;
// beyond the picture and beyond the clip there is nothing. Where all weights vanish, a lone speck, the median
// of the spatial neighbours stands (of an even number the mean of the middle two), channel by channel.
// CPU only: it denoises before anything is fused, never per output on a GPU.
#pragma once

#include "footprint.h"

namespace retempo {

struct SusanOptions {
    float sigma = 15.0f;      // pixels and frames
    float t = 20.0f / 255.0f; // difference of brightness
    int radius = 1;           // pixels, 1 to kSusanRadius
    int threads = 0;
};

constexpr int kSusanRadius = 3;
constexpr int kSusanChannels = 4;
constexpr float kSusanFar = 1e18f; // stands beyond the edges: so unlike anything that its weight is 0

inline namespace RETEMPO_ISA {

// Adds one neighbour. V: float, or a vector of them; `exponential`: exp_of or its twin for lanes.
//   own, seen    the pixel's channels and the neighbour's
//   slope        1 / (t^2 channels)
//   distance     |q - p|^2 / (2 sigma^2)
//   total, sums  what is accumulated
template <int CHANNELS, class V, class Exp>
RT_HD void susan_add(const V* own, const V* seen, float slope, float distance, Exp exponential, V& total,
                     V* sums) {
    V squared = (seen[0] - own[0]) * (seen[0] - own[0]);
    for (int c = 1; c < CHANNELS; ++c) squared += (seen[c] - own[c]) * (seen[c] - own[c]);
    const V weight = exponential(-(squared * slope + distance));
    total += weight;
    for (int c = 0; c < CHANNELS; ++c) sums[c] += weight * seen[c];
}

// The median of `count` values, at least one; sorts them.
RT_HD float median_of(float* values, int count) {
    for (int i = 1; i < count; ++i) {
        const float v = values[i];
        int j = i;
        for (; j > 0 && values[j - 1] > v; --j) values[j] = values[j - 1];
        values[j] = v;
    }
    const float upper = values[count / 2];
    return count % 2 ? upper : 0.5f * (values[count / 2 - 1] + upper);
}

} // namespace RETEMPO_ISA
} // namespace retempo

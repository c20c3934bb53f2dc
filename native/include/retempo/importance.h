// How far is a pixel to be trusted, and is it in front? The two metrics of one (frame, flow) candidate.
//
// Splatting-based synthesis (seed 000, equations 3-4), on frame 0 with flow F to frame 1 and B back:
//     psi_photo = mean over channels |I0 - I1(p + F)|             flow-space values in [0, 1]
//     psi_flow  = |F + B(p + F)|                                   pixels
//     psi_varia = |sqrt(G(F^2) - G(F)^2)|, G = 3x3 Gaussian        pixels
//     metric    = 1 / (1 + a psi_photo) + 1 / (1 + b psi_flow) + 1 / (1 + c psi_varia)     in (0, 3]
// once with the coefficients of the splat metric (then times the temperature), once with those of the merge
// metric. Samples beyond the frame repeat its edge. The variance is put together from differences of
// neighbours, Gy(Var_x F) + Var_y(Gx F): it is never negative and keeps its precision for long flows.
#pragma once

#include "backward_warp.h"

namespace retempo {

struct ImportanceOptions {
    float splat[3] = {10.0f, 1.0f, 1.0f}; // photo, flow, variance
    float merge[3] = {10.0f, 1.0f, 1.0f};
    float temperature = 5.0f;
    int threads = 0;
};

inline namespace RETEMPO_ISA {

// The following take floats, or vectors of them (src/cpu/vectors.h).

// Under (1 2 1) / 4 over a, b, c: the variance, ((a - b)^2 + (b - c)^2) / 8 + (a - c)^2 / 16, and the mean.
template <class V>
RT_HD V variance_of(V a, V b, V c) {
    const V ab = b - a, bc = c - b, ac = ab + bc;
    return (ab * ab + bc * bc) * 0.125f + ac * ac * 0.0625f;
}
template <class V>
RT_HD V mean_of(V a, V b, V c) {
    return b + 0.25f * ((c - b) - (b - a));
}

// psi_varia squared, from what lies along x in the rows above, of, and below the pixel: the variance (sum
// over both components) and the mean of both components.
template <class V>
RT_HD V deviation_squared(const V* variance, const V* mean_x, const V* mean_y) {
    return 0.25f * (variance[0] + variance[2]) + 0.5f * variance[1] +
           variance_of(mean_x[0], mean_x[1], mean_x[2]) + variance_of(mean_y[0], mean_y[1], mean_y[2]);
}

template <class V>
RT_HD V metric_of(const float* coefficients, V photo, V flow, V variance) {
    return 1.0f / (1.0f + coefficients[0] * photo) + 1.0f / (1.0f + coefficients[1] * flow) +
           1.0f / (1.0f + coefficients[2] * variance);
}

// psi_photo and the squared psi_flow of pixel (x, y). CHANNELS 0: as many as the image has.
template <int CHANNELS>
RT_HD void compare_pixel(const Image<const float>& image0, const Image<const float>& image1,
                         const Image<const float>& flow01, const Image<const float>& flow10, int x, int y,
                         float* photo, float* flow_squared) {
    const int channels = CHANNELS ? CHANNELS : static_cast<int>(image0.c);
    const float* f = flow01.at(y, x);
    const int width = static_cast<int>(image0.w), height = static_cast<int>(image0.h);
    const Split<float> sx = split(f[0]), sy = split(f[1]);
    const int x0 = clamped(x + sx.cell, 0, width - 1), x1 = clamped(x + sx.cell + 1, 0, width - 1);
    const int y0 = clamped(y + sy.cell, 0, height - 1), y1 = clamped(y + sy.cell + 1, 0, height - 1);
    const float fx = sx.fraction, fy = sy.fraction, gx = 1.0f - fx, gy = 1.0f - fy;
    const float w00 = gx * gy, w01 = fx * gy, w10 = gx * fy, w11 = fx * fy;
    const float *p00 = image1.at(y0, x0), *p01 = image1.at(y0, x1);
    const float *p10 = image1.at(y1, x0), *p11 = image1.at(y1, x1);
    const float* own = image0.at(y, x);
    float total = 0.0f;
    for (int c = 0; c < channels; ++c) {
        const float seen = p00[c] * w00 + p01[c] * w01 + (p10[c] * w10 + p11[c] * w11);
        const float difference = own[c] - seen;
        total += difference < 0.0f ? -difference : difference;
    }
    *photo = total * (1.0f / static_cast<float>(channels));
    const float *b00 = flow10.at(y0, x0), *b01 = flow10.at(y0, x1);
    const float *b10 = flow10.at(y1, x0), *b11 = flow10.at(y1, x1);
    const float rx = f[0] + (b00[0] * w00 + b01[0] * w01 + (b10[0] * w10 + b11[0] * w11));
    const float ry = f[1] + (b00[1] * w00 + b01[1] * w01 + (b10[1] * w10 + b11[1] * w11));
    *flow_squared = rx * rx + ry * ry;
}

} // namespace RETEMPO_ISA
} // namespace retempo

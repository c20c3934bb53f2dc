// Only the motion from frame 0 to frame 1 is known: what is the motion back?
//
//     B(p) = SUM_q w v (-F(q)) / SUM_q w v        w = b(p - q - F(q)) exp(Z(q) - zmax(p))
// over the pixels q of frame 0 that land beside p, with bilinear footprints b (footprint.h), the metric Z (0
// where there is none: an average) and the trust v(q) in [0, 1] of each vector (1 where there is none). A
// pixel whose Z is not finite contributes nothing; a trust that is not finite or below 0 counts as 0.
//     seen(p) = SUM w v > 0.05 SUM w     with a trust: a vector of no trust hides what lies behind it
//             = SUM w > 0                without
// Where p is not seen, B(p) is guess(p), or without a guess the B of the nearest seen pixel: least dx^2 +
// dy^2, of several the one in the leftmost column, in that column the upper one. Where no pixel is seen, B
// = 0.
//
// The CPU accumulates in double, so that vectors that agree come back exactly; float accumulators sum
// payloads relative to -F(p) (synthesize.h: own_payload).
#pragma once

#include "splat_forward.h"

namespace retempo {

struct InversionOptions {
    int threads = 0;
    bool deterministic = false; // CUDA: the same bits on every run. The CPU always is.
};

constexpr float kLeastTrust = 0.05f;

inline namespace RETEMPO_ISA {

// What one source pixel brings. `alive` is false when it contributes nothing.
struct Vector {
    float dx, dy, z, trust;
    bool alive;
};

RT_HD Vector vector_at(const Image<const float>& flow, const Image<const float>& metric,
                       const Image<const float>& trust, int x, int y) {
    const float* f = flow.at(y, x);
    const float z = metric ? *metric.at(y, x) : 0.0f;
    const float v = trust ? *trust.at(y, x) : 1.0f;
    return {f[0], f[1], z, v > 0.0f && is_finite(v) ? v : 0.0f, is_finite(z)};
}

// Maximum pass: sink.raise(y, x, z).
template <class Sink>
RT_HD void raise_vector(const Vector& q, int x, int y, int width, int height, Sink&& sink) {
    if (q.alive) raise_maximum(Bilinear{}, x, y, q.dx, q.dy, q.z, Rows{0, height}, width, sink);
}

// Sum pass: sink.add(y, x, w) for the targets of pixel (x, y); sink.zmax(y, x) where there is a metric.
template <class Sink>
RT_HD void splat_vector(const Vector& q, int x, int y, bool weighted, int width, int height, Sink&& sink) {
    if (q.alive)
        splat_pixel(Bilinear{}, weighted ? Mode::softmax : Mode::average, x, y, q.dx, q.dy, q.z,
                    Rows{0, height}, width, sink);
}

struct Inverse {
    float dx, dy;
    bool seen;
};

// From the sums [w v (-dx - rx), w v (-dy - ry), w v, w] relative to (rx, ry).
template <class A>
RT_HD Inverse resolve_inverse(const A* sums, float rx, float ry, bool trusting) {
    const A inverse = A(1) / sums[2];
    const bool seen = static_cast<float>(sums[3]) > 0.0f && sums[2] > A(0) &&
                      (!trusting || static_cast<float>(sums[2] / sums[3]) > kLeastTrust);
    return {static_cast<float>(A(rx) + sums[0] * inverse), static_cast<float>(A(ry) + sums[1] * inverse),
            seen};
}

constexpr int kNoRow = -(1 << 28); // a column in which nothing is seen

// The nearer of the last seen row above y (or y itself) and the first one below it; the upper one of equals.
RT_HD int nearer_row(int y, int above, int below) {
    if (above == kNoRow || (below != kNoRow && below - y < y - above)) return below;
    return above;
}

// Square of the distance between (x, y) and the pixel of column `column` in row `row`.
RT_HD int64_t distance_squared(int x, int y, int column, int row) {
    const int64_t dx = column - x, dy = row - y;
    return dx * dx + dy * dy;
}

} // namespace RETEMPO_ISA
} // namespace retempo

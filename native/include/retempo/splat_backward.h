// How does each input of a splat move the loss? A gather per source pixel: no atomics, deterministic.
//
// With g = d loss / d out, the weight w = b m of splat_forward.h and the sums over the taps p of one pixel q:
//     forward  out_c(p) = SUM_q w X_c(q) / norm(p)
//     back     dX_c(q)  = SUM_p w / norm(p) * g_c(p)
//     back     dw(p)    = SUM_c g_c(p) * (X_c(q) - out_c(p)) / norm(p)
//     forward  out_c(p) = SUM_q b X_c(q)                            (mode sum)
//     back     dX_c(q)  = SUM_p b g_c(p),   db(p) = SUM_c g_c(p) X_c(q)
//     forward  w = b, b Z or b exp(Z - zmax)
//     back     db = m dw;   dZ = SUM_p b dw (linear) or SUM_p w dw (softmax; zmax cancels, it has no
//     gradient) forward  b = bx(fx) by(fy), fx, fy the landing position back     d flow_x = SUM_p db(p)
//     bx'(fx) by(fy),   d flow_y = SUM_p db(p) bx(fx) by'(fy)
// Taps outside the frame and holes (norm 0) contribute nothing.
#pragma once

#include "splat_forward.h"

namespace retempo {
inline namespace RETEMPO_ISA {

// One source pixel (in, y, x). All views planar; `metric`, `zmax`, `grad_metric` absent unless the mode has
// them; each of the gradients may be absent.
template <class F, class T>
RT_HD void splat_backward_pixel(const F& footprint, Mode mode, const View4<const T>& grad_out,
                                const View4<const T>& payload, const View4<const T>& flow,
                                const View4<const T>& metric, const View4<const T>& out,
                                const View4<const T>& norm, const View4<const T>& zmax,
                                const View4<T>& grad_payload, const View4<T>& grad_flow,
                                const View4<T>& grad_metric, int64_t in, int y, int x) {
    constexpr int N = F::count;
    const bool weighted = mode == Mode::linear || mode == Mode::softmax;
    const T z = weighted ? metric(in, 0, y, x) : T(0);
    const bool dead = weighted && !is_finite(z);
    const int width = static_cast<int>(out.w);

    const Landing<F, T> at = land(footprint, x, y, flow(in, 0, y, x), flow(in, 1, y, x));
    T value[N * N], m[N * N], inverse[N * N], dw[N * N]; // weight, dw/db, 1/norm, d loss/dw of each tap
    for (int k = 0; k < N * N; ++k) value[k] = m[k] = inverse[k] = dw[k] = T(0);
    if (!dead)
        for_each_tap(at.y, at.x, Rows{0, static_cast<int>(out.h)}, width,
                     [&](int ty, int tx, T b, int ky, int kx) {
                         const int k = ky * N + kx;
                         T inv = T(1);
                         if (mode != Mode::sum) {
                             const T total = norm(in, 0, ty, tx);
                             if (total == T(0)) return;
                             inv = T(1) / total;
                         }
                         m[k] = T(1);
                         if (mode == Mode::linear) m[k] = z;
                         if (mode == Mode::softmax) m[k] = exp_of(z - zmax(in, 0, ty, tx));
                         value[k] = b * m[k];
                         inverse[k] = inv;
                     });

    for (int64_t c = 0; c < payload.c; ++c) {
        const T X = payload(in, c, y, x);
        T grad = T(0);
        for (int k = 0; k < N * N; ++k) {
            if (inverse[k] == T(0)) continue;
            const int ty = at.y.first + k / N, tx = at.x.first + k % N;
            const T g = grad_out(in, c, ty, tx) * inverse[k];
            grad += value[k] * g;
            dw[k] += mode == Mode::sum ? g * X : g * (X - out(in, c, ty, tx));
        }
        if (grad_payload) grad_payload(in, c, y, x) = grad;
    }

    T gx = T(0), gy = T(0), gz = T(0);
    for (int k = 0; k < N * N; ++k) {
        const int ky = k / N, kx = k % N;
        const T db = m[k] * dw[k];
        gx += db * at.x.slope[kx] * at.y.weight[ky];
        gy += db * at.x.weight[kx] * at.y.slope[ky];
        gz += (mode == Mode::linear ? at.x.weight[kx] * at.y.weight[ky] : value[k]) * dw[k];
    }
    if (grad_flow) {
        grad_flow(in, 0, y, x) = gx;
        grad_flow(in, 1, y, x) = gy;
    }
    if (grad_metric) grad_metric(in, 0, y, x) = weighted ? gz : T(0);
}

} // namespace RETEMPO_ISA
} // namespace retempo

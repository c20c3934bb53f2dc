// Where does a source pixel go, and what does each target keep of it?
//
// flow [n, 2, h, w] in pixels, source -> target: pixel (x, y) lands on (x + dx, y + dy). Every target p sums
//     out(p) = SUM_q w X(q) / norm(p)      norm(p) = SUM_q w      w = b(p - landing(q)) * m(q)
// with the footprint weight b (footprint.h) and the modes
//     sum      m = 1, no division; norm still is the accumulated footprint weight
//     average  m = 1
//     linear   m = Z(q)
//     softmax  m = exp(Z(q) - zmax(p)), zmax(p) = max of Z over the pixels with a tap of non-zero weight on p
// Source: softmax splatting (Niklaus, Liu 2020); the per-target maximum is the one of splatting-based
// synthesis (2023): no exponent overflows anywhere and out is invariant to Z + constant.
// A source pixel whose metric is not finite contributes nothing (linear, softmax). A target with norm 0 is a
// hole: out = 0 and norm = 0 there, zmax = -inf.
//
// The bodies are written against a sink:
//     sink.raise(y, x, z)                  zmax(y, x) = max(zmax(y, x), z)
//     sink.add(y, x, b, w)                 coverage is not part of it; the sink adds w * X(q) and w
//     sink.zmax(y, x)                      the finished maximum (softmax)
// The CPU sink adds doubles into a band of rows it alone owns, in source scan order; the CUDA sinks use
// atomics. `rows` limits the targets: taps outside [rows.first, rows.last) x [0, w) do not exist.
#pragma once

#include "footprint.h"

namespace retempo {

enum class Mode : int { sum, average, linear, softmax };
enum class FootprintKind : int { bilinear, gaussian };

struct Rows {
    int first, last;
};

inline namespace RETEMPO_ISA {

template <class T>
RT_HD bool is_finite(T v) {
    return v - v == T(0);
}

// visit(y, x, weight, ky, kx) for every existing tap.
template <class T, int N, class Visit>
RT_HD void for_each_tap(const AxisTaps<T, N>& ty, const AxisTaps<T, N>& tx, Rows rows, int width,
                        Visit&& visit) {
    RT_UNROLL
    for (int ky = 0; ky < N; ++ky) {
        const int y = ty.first + ky;
        if (y < rows.first || y >= rows.last) continue;
        RT_UNROLL
        for (int kx = 0; kx < N; ++kx) {
            const int x = tx.first + kx;
            if (x < 0 || x >= width) continue;
            const T weight = ty.weight[ky] * tx.weight[kx];
            if (weight != T(0)) visit(y, x, weight, ky, kx);
        }
    }
}

template <class F, class T>
struct Landing {
    AxisTaps<T, F::count> x, y;
};

template <class F, class T>
RT_HD Landing<F, T> land(const F& footprint, int x, int y, T dx, T dy) {
    const Split<T> sx = split(dx), sy = split(dy);
    return {footprint.axis(x + sx.cell, sx.fraction), footprint.axis(y + sy.cell, sy.fraction)};
}

// Pass 1 of the softmax mode: the per-target maximum. zmax starts at -inf.
template <class F, class T, class Sink>
RT_HD void raise_maximum(const F& footprint, int x, int y, T dx, T dy, T z, Rows rows, int width,
                         Sink&& sink) {
    if (!is_finite(z)) return;
    const Landing<F, T> at = land(footprint, x, y, dx, dy);
    for_each_tap(at.y, at.x, rows, width, [&](int ty, int tx, T, int, int) { sink.raise(ty, tx, z); });
}

// Pass 2: the sums. `z` is ignored by sum and average.
template <class F, class T, class Sink>
RT_HD void splat_pixel(const F& footprint, Mode mode, int x, int y, T dx, T dy, T z, Rows rows, int width,
                       Sink&& sink) {
    if (mode >= Mode::linear && !is_finite(z)) return;
    const Landing<F, T> at = land(footprint, x, y, dx, dy);
    for_each_tap(at.y, at.x, rows, width, [&](int ty, int tx, T b, int, int) {
        T w = b;
        if (mode == Mode::linear) w = b * z;
        if (mode == Mode::softmax) w = b * exp_of(z - sink.zmax(ty, tx));
        if (w != T(0)) sink.add(ty, tx, w);
    });
}

// The sum of bilinear weights that reach each target, whatever the footprint: sink.add(y, x, b).
template <class T, class Sink>
RT_HD void cover_pixel(int x, int y, T dx, T dy, Rows rows, int width, Sink&& sink) {
    const Landing<Bilinear, T> at = land(Bilinear{}, x, y, dx, dy);
    for_each_tap(at.y, at.x, rows, width, [&](int ty, int tx, T b, int, int) { sink.add(ty, tx, b); });
}

} // namespace RETEMPO_ISA
} // namespace retempo

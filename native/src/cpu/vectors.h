// Which vector types do the hot loops use? GCC vector extensions: element-wise, so the bits are those of
// scalar code on any instruction set; the compiler splits them where the hardware is narrower.
#pragma once

#include <cstring>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "retempo/footprint.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {

using float4 = float __attribute__((vector_size(16)));
using float8 = float __attribute__((vector_size(32)));
using float16 = float __attribute__((vector_size(64)));
using int16v = int __attribute__((vector_size(64)));
using double8 = double __attribute__((vector_size(64)));
using double4 = double __attribute__((vector_size(32)));

template <class V, class E>
RT_HD V load(const E* from) {
    V v;
    memcpy(&v, from, sizeof v);
    return v;
}
template <class V, class E>
RT_HD void store(E* to, const V& v) {
    memcpy(to, &v, sizeof v);
}

template <class V, class E>
RT_HD V splat_of(E e) {
    return e - V{};
} // broadcast

// backward_warp.h: mix, lane by lane. `g` = 1 - f, `keep` = all ones where f == 0.
template <class V, class M>
RT_HD V mix_lanes(V a, V b, V f, V g, M keep) {
    const V v = a * g + b * f;
    return ((a == b) | keep) ? a : v;
}

template <class V, class S>
RT_HD V clamp_lanes(V v, S low, S high) {
    v = v < low ? splat_of<V>(low) : v;
    return v > high ? splat_of<V>(high) : v;
}

// view.h: split, 16 at once.
RT_HD void split_lanes(float16 d, int16v& cell, float16& fraction) {
    d = clamp_lanes(d, -4194304.0f, 4194304.0f);
    cell = __builtin_convertvector(d, int16v);
    cell += __builtin_convertvector(cell, float16) > d; // a true lane is -1
    fraction = d - __builtin_convertvector(cell, float16);
    const int16v carry = fraction >= 1.0f;
    cell -= carry;
    fraction = carry ? float16{} : fraction;
}

// footprint.h: exp_of, 16 at once, the same bits.
RT_HD float16 exp_lanes(float16 x) {
    const int16v vanishes = x < -87.0f;
    x = clamp_lanes(x, -87.0f, 88.0f);
    const float16 scaled = x * 1.44269504f;
    const int16v n = __builtin_convertvector(
        scaled + (scaled < 0.0f ? splat_of<float16>(-0.5f) : splat_of<float16>(0.5f)), int16v);
    const float16 fn = __builtin_convertvector(n, float16);
    const float16 r = (x - fn * 0.693359375f) - fn * -2.12194440e-4f;
    float16 p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const int16v bits = (n + 127) << 23;
    float16 power;
    memcpy(&power, &bits, sizeof power);
    return vanishes ? float16{} : p * power;
}

// [x0 y0 x1 y1 ...] <-> [x...], [y...]
RT_HD void take_pairs(const float* from, float16& even, float16& odd) {
    const float16 a = load<float16>(from), b = load<float16>(from + 16);
    even = __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    odd = __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
}
RT_HD void put_pairs(float16 even, float16 odd, float16& first, float16& second) {
    first = __builtin_shufflevector(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    second = __builtin_shufflevector(even, odd, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

// Floats as doubles. The compiler's own conversion takes detours over halves.
RT_HD double4 widen(float4 v) {
#if defined(__AVX__)
    return (double4)_mm256_cvtps_pd((__m128)v);
#else
    return __builtin_convertvector(v, double4);
#endif
}
RT_HD void store_doubles(double* to, float16 v) {
    const float8 low = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7),
                 high = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    const float4 parts[4] = {
        __builtin_shufflevector(low, low, 0, 1, 2, 3), __builtin_shufflevector(low, low, 4, 5, 6, 7),
        __builtin_shufflevector(high, high, 0, 1, 2, 3), __builtin_shufflevector(high, high, 4, 5, 6, 7)};
    for (int k = 0; k < 4; ++k) store(to + 4 * k, widen(parts[k]));
}

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

// Which vector types do the hot loops use? GCC vector extensions of the native width: element-wise, so the
// bits are those of scalar code on any instruction set. (Wider ones compile too, but comparisons fall apart
// into scalars.)
#pragma once

#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "retempo/footprint.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {

using float4 = float __attribute__((vector_size(16)));
using float8 = float __attribute__((vector_size(32)));
using double4 = double __attribute__((vector_size(32)));

#if defined(__AVX512VL__)
constexpr int kLanes = 16;     // floats of a register
constexpr int kRegisters = 32; // of double4
#elif defined(__AVX2__)
constexpr int kLanes = 8, kRegisters = 16;
#else
constexpr int kLanes = 4, kRegisters = 8;
#endif
using floats = float __attribute__((vector_size(4 * kLanes)));
using ints = int __attribute__((vector_size(4 * kLanes)));

// Elements of the registers a, then b, by constant numbers. GCC before 12 has no __builtin_shufflevector.
#if !defined(RETEMPO_OLD_SHUFFLE) && (defined(__clang__) || __GNUC__ >= 12)
#define RETEMPO_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define RETEMPO_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, ints{__VA_ARGS__})
#endif

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

RT_HD floats sqrt_lanes(floats v) {
#if defined(__AVX512VL__)
    return (floats)_mm512_maskz_sqrt_ps(0xffff, (__m512)v);
#elif defined(__AVX2__)
    return (floats)_mm256_sqrt_ps((__m256)v);
#elif defined(__SSE2__)
    return (floats)_mm_sqrt_ps((__m128)v);
#else
    for (int k = 0; k < kLanes; ++k) v[k] = __builtin_sqrtf(v[k]);
    return v;
#endif
}

// view.h: split, lane by lane.
RT_HD void split_lanes(floats d, ints& cell, floats& fraction) {
    d = clamp_lanes(d, -4194304.0f, 4194304.0f);
    cell = __builtin_convertvector(d, ints);
    cell += __builtin_convertvector(cell, floats) > d; // a true lane is -1
    fraction = d - __builtin_convertvector(cell, floats);
    const ints carry = fraction >= 1.0f;
    cell -= carry;
    fraction = carry ? floats{} : fraction;
}

// footprint.h: exp_of, lane by lane, the same bits, for -87 <= x <= 88; `positive`: for 0 <= x.
template <bool positive>
RT_HD floats exp_normal_lanes(floats x) {
    const floats scaled = x * 1.44269504f, half = splat_of<floats>(0.5f);
    const ints n = __builtin_convertvector(scaled + (positive ? half : (scaled < 0.0f ? -half : half)), ints);
    const floats fn = __builtin_convertvector(n, floats);
    const floats r = (x - fn * 0.693359375f) - fn * -2.12194440e-4f;
    floats p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const ints bits = (n + 127) << 23;
    floats power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

// The same for any x: 0 below the normal range, clamped above it.
RT_HD floats exp_lanes(floats x) {
    const ints vanishes = x < -87.0f;
    return vanishes ? floats{} : exp_normal_lanes<false>(clamp_lanes(x, -87.0f, 88.0f));
}

// Bit k is set where a[k] != a[k - 1] or b[k] != b[k - 1]; bit 0 always. 64 elements, a[-1] and b[-1] exist.
RT_HD uint64_t find_breaks(const int* a, const int* b) {
    uint64_t same = 0;
#if defined(__SSE2__)
    const auto read = [](const int* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
    for (int k = 0; k < 64; k += 4) {
        const __m128i equal = _mm_and_si128(_mm_cmpeq_epi32(read(a + k), read(a + k - 1)),
                                            _mm_cmpeq_epi32(read(b + k), read(b + k - 1)));
        same |= static_cast<uint64_t>(_mm_movemask_ps(_mm_castsi128_ps(equal))) << k;
    }
#else
    for (int k = 0; k < 64; ++k) same |= static_cast<uint64_t>(a[k] == a[k - 1] && b[k] == b[k - 1]) << k;
#endif
    return ~same | 1;
}

// 0, 1, 2, ...
RT_HD ints lane_numbers() {
    ints n;
    for (int k = 0; k < kLanes; ++k) n[k] = k;
    return n;
}

// [x0 y0 x1 y1 ...] in two registers <-> [x0 x1 ...], [y0 y1 ...]
RT_HD void unzip(floats a, floats b, floats& even, floats& odd) {
#if defined(__AVX512VL__)
    even = RETEMPO_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    odd = RETEMPO_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif defined(__AVX2__)
    even = RETEMPO_SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
    odd = RETEMPO_SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
    even = RETEMPO_SHUFFLE(a, b, 0, 2, 4, 6);
    odd = RETEMPO_SHUFFLE(a, b, 1, 3, 5, 7);
#endif
}
RT_HD void zip(floats even, floats odd, floats& first, floats& second) {
#if defined(__AVX512VL__)
    first = RETEMPO_SHUFFLE(even, odd, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    second = RETEMPO_SHUFFLE(even, odd, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif defined(__AVX2__)
    first = RETEMPO_SHUFFLE(even, odd, 0, 8, 1, 9, 2, 10, 3, 11);
    second = RETEMPO_SHUFFLE(even, odd, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    first = RETEMPO_SHUFFLE(even, odd, 0, 4, 1, 5);
    second = RETEMPO_SHUFFLE(even, odd, 2, 6, 3, 7);
#endif
}

// a0 b0 c0 d0 a1 b1 ...
RT_HD void interleave(floats a, floats b, floats c, floats d, floats (&out)[4]) {
    floats a0, a1, b0, b1;
    zip(a, c, a0, a1);
    zip(b, d, b0, b1);
    zip(a0, b0, out[0], out[1]);
    zip(a1, b1, out[2], out[3]);
}

// Floats as doubles. The compiler's own conversion takes detours over halves.
RT_HD double4 widen(float4 v) {
#if defined(__AVX__)
    return (double4)_mm256_cvtps_pd((__m128)v);
#else
    return __builtin_convertvector(v, double4);
#endif
}
RT_HD void store_doubles(double* to, floats v) {
#if defined(__AVX512VL__)
    store(to, _mm512_maskz_cvtps_pd(0xff, _mm512_maskz_extractf32x8_ps(0xff, (__m512)v, 0)));
    store(to + 8, _mm512_maskz_cvtps_pd(0xff, _mm512_maskz_extractf32x8_ps(0xff, (__m512)v, 1)));
#else
    float parts[kLanes];
    store(parts, v);
    for (int k = 0; k < kLanes; k += 4) store(to + k, widen(load<float4>(parts + k)));
#endif
}

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

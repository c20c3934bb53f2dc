// How does a kernel see memory that somebody else owns? As a pointer, a shape and strides.
//
// Nothing here owns, allocates or checks. RT_HD marks the per-pixel bodies that the CPU sources and the
// CUDA sources both include; under any other compiler it is empty.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define RT_HD __host__ __device__ __forceinline__
#elif defined(__GNUC__)
#define RT_HD inline __attribute__((always_inline))
#else
#define RT_HD inline
#endif

// On a GPU, loops over taps must unroll for their small arrays to stay in registers; a CPU compiler decides
// itself.
#if defined(__CUDA_ARCH__)
#define RT_UNROLL _Pragma("unroll")
#else
#define RT_UNROLL
#endif

// The CPU sources are compiled once per instruction set. Everything with a body lives in an inline namespace
// named after it, so that the linker never mixes the variants. Contraction is off: all give the same bits.
#ifndef RETEMPO_ISA
#define RETEMPO_ISA baseline
#endif

namespace retempo {

// [n, c, h, w]; strides in elements. `data == nullptr` stands for "absent" where an argument is optional.
template <class T>
struct View4 {
    T* data = nullptr;
    int64_t n = 0, c = 0, h = 0, w = 0;
    int64_t sn = 0, sc = 0, sh = 0, sw = 0;

    RT_HD T& operator()(int64_t in, int64_t ic, int64_t iy, int64_t ix) const {
        return data[in * sn + ic * sc + iy * sh + ix * sw];
    }
    RT_HD explicit operator bool() const { return data != nullptr; }
};

// A C-contiguous [n, c, h, w] array.
template <class T>
RT_HD View4<T> planar(T* data, int64_t n, int64_t c, int64_t h, int64_t w) {
    return {data, n, c, h, w, c * h * w, h * w, w, 1};
}

// Channel-last [h, w, c]; `row` is the distance of two rows in elements, pixels of a row touch.
template <class T>
struct Image {
    T* data = nullptr;
    int64_t h = 0, w = 0, c = 0, row = 0;

    RT_HD T* at(int64_t y, int64_t x) const { return data + y * row + x * c; }
    RT_HD explicit operator bool() const { return data != nullptr; }
};

template <class T>
RT_HD Image<T> channel_last(T* data, int64_t h, int64_t w, int64_t c) {
    return {data, h, w, c, w * c};
}

template <class A>
RT_HD A smaller(A a, A b) {
    return b < a ? b : a;
}
template <class A>
RT_HD A larger(A a, A b) {
    return a < b ? b : a;
}
template <class A>
RT_HD A clamped(A v, A low, A high) {
    return v < low ? low : (high < v ? high : v);
}

// A displacement split into whole pixels and a fraction in [0, 1).
//
// Landing points are always computed as (x + cell, fraction), never as a float sum x + d: the fraction then
// does not depend on where in the frame the pixel lies, so strips give the bits of the whole frame and a
// constant flow has a constant fraction. Displacements beyond 2^22 pixels are clamped: they leave any frame.
template <class T>
struct Split {
    int cell;
    T fraction;
};

template <class T>
RT_HD Split<T> split(T d) {
    d = clamped(d, T(-4194304), T(4194304));
    int cell = static_cast<int>(d);
    cell -= static_cast<T>(cell) > d;
    T fraction = d - static_cast<T>(cell);
    // -1e-9f - (-1) rounds to 1: that is the next pixel
    const bool carry = fraction >= T(1);
    return {cell + carry, carry ? T(0) : fraction};
}

} // namespace retempo

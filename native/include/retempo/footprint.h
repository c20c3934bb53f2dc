// How much of a splatted pixel does each target around its landing point receive?
//
// A footprint is separable. For a landing point `cell + fraction` on one axis it names the first of N
// neighbouring pixels, their weights, and the slope of each weight in the landing position (d weight / d x).
//   bilinear  N = 2   b(u) = max(0, 1 - |u|)              first = cell
//   Gaussian  N = 4   g(u) = exp(-u^2 / (2 sigma^2))      first = cell - 1, pixels with |u| < 2 only
// where u = pixel - landing. The weight of a pixel is the product over both axes (specs: seed 000 eq. 6).
// A tap whose weight is exactly 0 (integer landings, underflow) does not exist: it is in no sum and no
// maximum.
#pragma once

#include <cstring>

#include "view.h"

namespace retempo {
inline namespace RETEMPO_ISA {

// 2^n for n inside the exponent range.
RT_HD float power_of_two(int n, float) {
    const uint32_t bits = static_cast<uint32_t>(n + 127) << 23;
    float result;
    memcpy(&result, &bits, sizeof result);
    return result;
}
RT_HD double power_of_two(int n, double) {
    const uint64_t bits = static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52;
    double result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

// a b + c; one instruction on a GPU, where contraction is off for everything else (landing fractions must be
// exact).
template <class T>
RT_HD T multiply_add(T a, T b, T c) {
#if defined(__CUDA_ARCH__)
    return fma(a, b, c);
#else
    return a * b + c;
#endif
}

// e^x, relative error under 3e-7 (float) or 1e-15 (double); 0 below the normal range, clamped above it.
// Own polynomial, so that the bits depend on no maths library and no instruction set, and loops vectorise.
RT_HD float exp_of(float x) {
    const bool vanishes = x < -87.0f;
    x = clamped(x, -87.0f, 88.0f);
    const float scaled = x * 1.44269504f;
    const int n = static_cast<int>(scaled + (scaled < 0.0f ? -0.5f : 0.5f));
    const float fn = static_cast<float>(n);
    const float r = (x - fn * 0.693359375f) - fn * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = multiply_add(p, r, 1.3981999507e-3f);
    p = multiply_add(p, r, 8.3334519073e-3f);
    p = multiply_add(p, r, 4.1665795894e-2f);
    p = multiply_add(p, r, 1.6666665459e-1f);
    p = multiply_add(p, r, 5.0000001201e-1f);
    p = p * (r * r) + r + 1.0f;
    const float result = p * power_of_two(n, 0.0f);
    return vanishes ? 0.0f : result;
}
RT_HD double exp_of(double x) {
    const bool vanishes = x < -708.0;
    x = clamped(x, -708.0, 709.0);
    const double scaled = x * 1.4426950408889634;
    const int n = static_cast<int>(scaled + (scaled < 0.0 ? -0.5 : 0.5));
    const double fn = static_cast<double>(n);
    const double r = (x - fn * 6.93145751953125e-1) - fn * 1.42860682030941723212e-6;
    double p = 1.0 / 6227020800.0;
    p = multiply_add(p, r, 1.0 / 479001600.0);
    p = multiply_add(p, r, 1.0 / 39916800.0);
    p = multiply_add(p, r, 1.0 / 3628800.0);
    p = multiply_add(p, r, 1.0 / 362880.0);
    p = multiply_add(p, r, 1.0 / 40320.0);
    p = multiply_add(p, r, 1.0 / 5040.0);
    p = multiply_add(p, r, 1.0 / 720.0);
    p = multiply_add(p, r, 1.0 / 120.0);
    p = multiply_add(p, r, 1.0 / 24.0);
    p = multiply_add(p, r, 1.0 / 6.0);
    p = multiply_add(p, r, 0.5);
    p = p * (r * r) + r + 1.0;
    const double result = p * power_of_two(n, 0.0);
    return vanishes ? 0.0 : result;
}

template <class T, int N>
struct AxisTaps {
    static constexpr int count = N;
    int first;   // pixel of tap 0
    T weight[N]; // taps first .. first + N - 1
    T slope[N];  // d weight / d landing; filled only when asked for
};

struct Bilinear {
    static constexpr int count = 2;
    static constexpr int before = 0; // first = cell - before

    template <class T>
    RT_HD AxisTaps<T, 2> axis(int cell, T fraction) const {
        return {cell, {T(1) - fraction, fraction}, {T(-1), T(1)}};
    }

    // Weight of tap k of axis() alone, 0 for any other k: what a target needs that gathers.
    template <class T>
    RT_HD T weight(int k, T fraction) const {
        return k == 0 ? T(1) - fraction : (k == 1 ? fraction : T(0));
    }
};

struct Gaussian {
    static constexpr int count = 4;
    static constexpr int before = 1;
    double sigma, inverse_square,
        exponent; // 1 / sigma^2, -1 / (2 sigma^2): divided once, not by every thread

    RT_HD explicit Gaussian(double width = 0.5)
        : sigma(width), inverse_square(1.0 / (width * width)), exponent(-0.5 / (width * width)) {}

    template <class T>
    RT_HD AxisTaps<T, 4> axis(int cell, T fraction) const {
        AxisTaps<T, 4> taps;
        taps.first = cell - 1;
        const T inverse = T(inverse_square);
        for (int k = 0; k < 4; ++k) {
            taps.weight[k] = weight(k, fraction);
            taps.slope[k] = (T(k - 1) - fraction) * inverse * taps.weight[k];
        }
        return taps;
    }

    template <class T>
    RT_HD T weight(int k, T fraction) const {
        const T u = T(k - 1) - fraction;
        const T g = exp_of(u * u * T(exponent));
        return u < T(2) && u > T(-2) ? g : T(0);
    }
};

} // namespace RETEMPO_ISA
} // namespace retempo

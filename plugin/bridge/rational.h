// Which exact fraction is meant by a source time that a host gives as a double?
//
// The nearest one with a denominator of at most 100000, found by continued fractions: the same as Python's
// Fraction(time).limit_denominator(100000). All arithmetic is on integers; nothing is rounded on the way.
#pragma once

#include <cmath>
#include <cstdint>

#include "bridge/error.h"

namespace retempo::bridge {

struct Rational {
    int64_t numerator = 0;
    int64_t denominator = 1;
};

// How a picture at a source time is made, where that is not a source frame.
enum class How : uint32_t { kMotion = 0, kFade = 1, kBlack = 2 };

// One of the moments that a picture is the mean of.
struct Instant {
    Rational time;
    How how = How::kMotion;
};

constexpr int64_t kLargestTimeDenominator = 100000;
constexpr double kLargestTime = 1099511627776.0; // 2^40

namespace detail {

// Is 2 * a * b <= 2^bits? a < 2^53, b < 2^17, 0 <= bits <= 71.
inline bool twice_product_at_most(uint64_t a, uint64_t b, int bits) {
    const uint64_t low = (a & 0xFFFFFFFFu) * b, high = (a >> 32) * b + (low >> 32);
    const uint64_t rest = low & 0xFFFFFFFFu; // a * b = high * 2^32 + rest
    const int limit = bits - 1;              // a * b <= 2^limit
    if (limit < 0) return high == 0 && rest == 0;
    if (limit < 32) return high == 0 && rest <= (uint64_t{1} << limit);
    const uint64_t top = uint64_t{1} << (limit - 32);
    return high < top || (high == top && rest == 0);
}

} // namespace detail

// Throws BridgeError (kRequest) for a time that is not finite or beyond 2^40.
inline Rational rational_time(double time) {
    if (!std::isfinite(time) || std::fabs(time) > kLargestTime)
        throw BridgeError(Problem::kRequest, "the source time is not a number that a frame can have",
                          "check the timing parameters", 6);
    const bool negative = time < 0;
    const double size = std::fabs(time);
    const double whole = std::floor(size);
    const double part = size - whole; // exact
    const auto first = static_cast<int64_t>(whole);
    const auto signed_result = [negative](int64_t n, int64_t d) { return Rational{negative ? -n : n, d}; };
    constexpr auto limit = static_cast<uint64_t>(kLargestTimeDenominator);
    if (part < 1.0 / 262144.0) return signed_result(first, 1); // 0 is nearer than 1 / 100000

    // part = top / 2^bits in lowest terms, top < 2^53, bits <= 71
    int exponent = 0;
    auto top = static_cast<uint64_t>(std::ldexp(std::frexp(part, &exponent), 53));
    int bits = 53 - exponent;
    for (; (top & 1) == 0; top >>= 1) --bits;
    if (bits <= 16) return signed_result((first << bits) + static_cast<int64_t>(top), int64_t{1} << bits);

    // The first step divides 2^bits, which may need more than 64 bits, by top.
    const int start = bits < 63 ? bits : 63;
    uint64_t quotient = (uint64_t{1} << start) / top, rest = (uint64_t{1} << start) % top;
    for (int i = start; i < bits; ++i) {
        quotient *= 2;
        rest *= 2;
        if (rest >= top) {
            rest -= top;
            ++quotient;
        }
    }
    // Convergents p / q of part; 0 / 1 came first (its term is 0).
    uint64_t p0 = 1, q0 = 0, p1 = 0, q1 = 1;
    uint64_t divisor = top; // what `rest` is a remainder of
    for (;;) {
        const uint64_t q2 = q0 + quotient * q1;
        if (q2 > limit) break;
        const uint64_t p2 = p0 + quotient * p1;
        p0 = p1;
        q0 = q1;
        p1 = p2;
        q1 = q2;
        quotient = divisor / rest;
        const uint64_t next = divisor % rest;
        divisor = rest;
        rest = next;
    }
    // `divisor` is now the remainder that belongs to p1 / q1: |part - p1/q1| = divisor / (q1 * 2^bits).
    const uint64_t k = (limit - q0) / q1;
    const uint64_t p = p0 + k * p1, q = q0 + k * q1;
    const bool convergent = detail::twice_product_at_most(divisor, q, bits);
    const auto n = static_cast<int64_t>(convergent ? p1 : p), d = static_cast<int64_t>(convergent ? q1 : q);
    return signed_result(first * d + n, d);
}

} // namespace retempo::bridge

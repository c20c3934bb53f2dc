// What stands for a frame's content? 128 bits over its float pixels and layout, row by row, in any order.
//
// The algorithm is written out in ../PROTOCOL.md ("Digest"). Its lanes are vectors of two on x86-64, of four
// where the processor has AVX2 and nothing is copied; a row can be copied by the same pass that hashes it.
// Made against accidents, not against adversaries: whoever lies harms himself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if (defined(__SSE2__) || defined(_M_X64)) && !defined(RETEMPO_DIGEST_PORTABLE)
#define RETEMPO_DIGEST_SSE2 1
#include <emmintrin.h>
#if defined(__GNUC__)
#define RETEMPO_DIGEST_AVX2 1
#include <immintrin.h>
#endif
#endif

namespace retempo::bridge {

class FrameDigest {
  public:
    // How a row is copied while it is hashed. kStreamed: past the caches, for what nobody here reads soon;
    // plain where the machine or the address (a multiple of 16) does not allow it.
    enum class Copy { kNone, kPlain, kStreamed };

    // x, y: the top-left pixel, y down, as they are sent.
    FrameDigest(uint32_t channels, uint32_t width, uint32_t height, int32_t x, int32_t y)
        : words_(size_t{channels} * width) {
        const uint32_t layout[8] = {channels, width, height, static_cast<uint32_t>(x),
                                    static_cast<uint32_t>(y)};
        const Pair head = hash_row<Copy::kNone>(layout, nullptr, 8);
        low_ = head.low;
        high_ = head.high;
    }

    // row: width * channels floats (at any address), the r-th from the top.
    void add_row(uint32_t r, const void* row) { add(r, hash_row<Copy::kNone>(row, nullptr, words_)); }

    // The same, and the row is copied to `out`. After streamed rows: `finish_streams`.
    void add_row(uint32_t r, const void* row, void* out, Copy how) {
        const bool streamed = how == Copy::kStreamed && reinterpret_cast<uintptr_t>(out) % 16 == 0;
        add(r, streamed ? hash_row<Copy::kStreamed>(row, out, words_)
                        : hash_row<Copy::kPlain>(row, out, words_));
    }

    // Takes over the rows of `part`, which began as a copy of `empty`, a digest of the same frame without
    // rows.
    void join(const FrameDigest& part, const FrameDigest& empty) {
        low_ += part.low_ - empty.low_;
        high_ += part.high_ - empty.high_;
    }

    std::array<uint8_t, 16> finish() const {
        const uint64_t words[2] = {mix(low_), mix(high_ ^ low_)};
        std::array<uint8_t, 16> out;
        for (int i = 0; i < 16; ++i) out[size_t(i)] = static_cast<uint8_t>(words[i / 8] >> (8 * (i % 8)));
        return out;
    }

  private:
    struct Pair {
        uint64_t low, high;
    };
    static constexpr uint64_t P1 = 0x9E3779B185EBCA87u, P2 = 0xC2B2AE3D27D4EB4Fu, P3 = 0x165667B19E3779F9u,
                              P5 = 0x27D4EB2F165667C5u, K = 0x9E3779B1u;
    static constexpr size_t kLanes = 8, kStripe = 8 * kLanes;

    // a: the state of each lane; b: the sum of all that it has been.
    struct Lanes {
        uint64_t a[kLanes], b[kLanes];
    };

    static uint64_t mix(uint64_t v) {
        v = (v ^ (v >> 33)) * P2;
        v = (v ^ (v >> 29)) * P3;
        return v ^ (v >> 32);
    }

    void add(uint32_t r, const Pair& pair) {
        low_ += mix(pair.low + (uint64_t{r} + 1) * P5);
        high_ += mix(pair.high + (uint64_t{r} + 1) * P5);
    }

    template <Copy kCopy>
    static Pair hash_row(const void* row, void* out, size_t words) {
        Lanes lanes;
        for (size_t i = 0; i < kLanes; ++i) {
            lanes.a[i] = (i + 1) * P1;
            lanes.b[i] = (i + 1) * P2;
        }
        const auto* at = static_cast<const unsigned char*>(row);
        const size_t stripes = words * 4 / kStripe, rest = words * 4 % kStripe;
#if defined(RETEMPO_DIGEST_AVX2)
        if (kCopy == Copy::kNone && __builtin_cpu_supports("avx2"))
            look_avx2(lanes, at, stripes);
        else
#endif
            take<kCopy>(lanes, at, static_cast<unsigned char*>(out), stripes);
        if (rest != 0) {
            unsigned char tail[kStripe] = {};
            std::memcpy(tail, at + stripes * kStripe, rest);
            take<Copy::kNone>(lanes, tail, nullptr, 1);
            if (kCopy != Copy::kNone)
                std::memcpy(static_cast<unsigned char*>(out) + stripes * kStripe, tail, rest);
        }
        Pair pair{0, 0};
        for (size_t i = 0; i < kLanes; ++i) {
            pair.low = mix(pair.low + lanes.a[i]);
            pair.high = mix(pair.high + lanes.b[i]);
        }
        return pair;
    }

#if defined(RETEMPO_DIGEST_AVX2)
    // `take` without a copy, in vectors of four: a fifth less processor time where the pixels are not in a
    // cache.
    __attribute__((target("avx2"))) static void look_avx2(Lanes& lanes, const unsigned char* at,
                                                          size_t stripes) {
        constexpr size_t kVectors = kLanes / 4;
        __m256i a[kVectors], b[kVectors];
        const __m256i k = _mm256_set1_epi64x(static_cast<long long>(K));
        for (size_t i = 0; i < kVectors; ++i) {
            a[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes.a) + i);
            b[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(lanes.b) + i);
        }
        for (; stripes > 0; --stripes, at += kStripe)
            for (size_t i = 0; i < kVectors; ++i) {
                const __m256i word = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at) + i);
                const __m256i v = _mm256_xor_si256(a[i], word);
                const __m256i upper = _mm256_slli_epi64(_mm256_mul_epu32(_mm256_srli_epi64(v, 32), k), 32);
                const __m256i product = _mm256_add_epi64(_mm256_mul_epu32(v, k), upper);
                a[i] = _mm256_xor_si256(product, _mm256_srli_epi64(product, 29));
                b[i] = _mm256_add_epi64(b[i], a[i]);
            }
        for (size_t i = 0; i < kVectors; ++i) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes.a) + i, a[i]);
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes.b) + i, b[i]);
        }
    }
#endif

#if defined(RETEMPO_DIGEST_SSE2)
    template <Copy kCopy>
    static void take(Lanes& lanes, const unsigned char* at, unsigned char* out, size_t stripes) {
        constexpr size_t kVectors = kLanes / 2;
        __m128i a[kVectors], b[kVectors];
        const __m128i k = _mm_set1_epi64x(static_cast<long long>(K));
        for (size_t i = 0; i < kVectors; ++i) {
            a[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(lanes.a) + i);
            b[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(lanes.b) + i);
        }
        for (; stripes > 0; --stripes, at += kStripe) {
            for (size_t i = 0; i < kVectors; ++i) {
                const __m128i word = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at) + i);
                if (kCopy == Copy::kStreamed) _mm_stream_si128(reinterpret_cast<__m128i*>(out) + i, word);
                if (kCopy == Copy::kPlain) _mm_storeu_si128(reinterpret_cast<__m128i*>(out) + i, word);
                const __m128i v = _mm_xor_si128(a[i], word);
                const __m128i upper = _mm_slli_epi64(_mm_mul_epu32(_mm_srli_epi64(v, 32), k), 32);
                const __m128i product = _mm_add_epi64(_mm_mul_epu32(v, k), upper);
                a[i] = _mm_xor_si128(product, _mm_srli_epi64(product, 29));
                b[i] = _mm_add_epi64(b[i], a[i]);
            }
            if (kCopy != Copy::kNone) out += kStripe;
        }
        for (size_t i = 0; i < kVectors; ++i) {
            _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes.a) + i, a[i]);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes.b) + i, b[i]);
        }
    }
#else
    template <Copy kCopy>
    static void take(Lanes& lanes, const unsigned char* at, unsigned char* out, size_t stripes) {
        for (; stripes > 0; --stripes, at += kStripe) {
            uint64_t words[kLanes];
            std::memcpy(words, at, kStripe);
            for (size_t i = 0; i < kLanes; ++i) {
                const uint64_t v = (lanes.a[i] ^ words[i]) * K;
                lanes.a[i] = v ^ (v >> 29);
                lanes.b[i] += lanes.a[i];
            }
            if (kCopy != Copy::kNone) {
                std::memcpy(out, words, kStripe);
                out += kStripe;
            }
        }
    }
#endif

    size_t words_;
    uint64_t low_ = 0, high_ = 0;
};

} // namespace retempo::bridge

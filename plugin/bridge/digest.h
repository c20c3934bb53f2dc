// What stands for a frame's content? 128 bits over its float pixels and layout, row by row, in any order.
//
// The algorithm is written out in ../PROTOCOL.md ("Digest"). Not cryptographic: whoever lies harms himself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace retempo::bridge {

class FrameDigest {
  public:
    // x, y: the top-left pixel, y down, as they are sent.
    FrameDigest(uint32_t channels, uint32_t width, uint32_t height, int32_t x, int32_t y)
        : words_(size_t{channels} * width) {
        const uint32_t layout[8] = {channels, width, height, static_cast<uint32_t>(x),
                                    static_cast<uint32_t>(y)};
        const Pair head = hash_row(layout, 8);
        low_ = head.low;
        high_ = head.high;
    }

    // row: width * channels floats (at any address), the r-th from the top.
    void add_row(uint32_t r, const void* row) {
        const Pair pair = hash_row(row, words_);
        low_ += mix(pair.low + (uint64_t{r} + 1) * P5);
        high_ += mix(pair.high + (uint64_t{r} + 1) * P5);
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
                              P4 = 0x85EBCA77C2B2AE63u, P5 = 0x27D4EB2F165667C5u;

    static uint64_t rotate(uint64_t v, int bits) { return (v << bits) | (v >> (64 - bits)); }
    static uint64_t mix(uint64_t v) {
        v = (v ^ (v >> 33)) * P2;
        v = (v ^ (v >> 29)) * P3;
        return v ^ (v >> 32);
    }
    static void step(uint64_t& lane, const unsigned char* at) {
        uint64_t word;
        std::memcpy(&word, at, 8);
        lane = rotate(lane + word * P2, 31) * P1;
    }
    static Pair hash_row(const void* row, size_t words) {
        const auto* at = static_cast<const unsigned char*>(row);
        uint64_t a = P1, b = P2, c = P3, d = P4;
        size_t bytes = words * 4;
        for (; bytes >= 32; bytes -= 32, at += 32) {
            step(a, at);
            step(b, at + 8);
            step(c, at + 16);
            step(d, at + 24);
        }
        if (bytes != 0) {
            unsigned char tail[32] = {};
            std::memcpy(tail, at, bytes);
            step(a, tail);
            step(b, tail + 8);
            step(c, tail + 16);
            step(d, tail + 24);
        }
        return {mix(rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)),
                mix((rotate(a, 29) ^ rotate(b, 41)) * P3 + (rotate(c, 53) ^ d) * P4)};
    }

    size_t words_;
    uint64_t low_ = 0, high_ = 0;
};

} // namespace retempo::bridge

// Which bytes pass between plugin and worker? Every message of version 1, as ../PROTOCOL.md lays it out.
//
// pack gives a payload, parse takes one. parse trusts nothing: what is short, long or out of range is a
// BridgeError (kProtocol).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bridge/error.h"

namespace retempo::bridge::wire {

using Bytes = std::vector<uint8_t>;
using Digest = std::array<uint8_t, 16>;
using Token = std::array<uint8_t, 32>; // half of what is in the token file

constexpr uint32_t kMagic = 0x504D5452; // "RTMP"
constexpr uint16_t kVersion = 2;
constexpr size_t kHeaderBytes = 32;
constexpr uint32_t kLargestPayload = 1u << 20;
constexpr uint32_t kLargestSide = 32768;
constexpr int32_t kLargestPlace = 1 << 30;
constexpr int64_t kLargestNumber = int64_t{1} << 40;
constexpr int64_t kLargestDenominator = 100000;
constexpr size_t kMostFrames = 64;
constexpr size_t kMostSettings = 128;
constexpr size_t kMostInstants = 128;

enum class Type : uint16_t {
    kHello = 1,
    kWelcome,
    kRender,
    kNeed,
    kFrames,
    kDone,
    kFailed,
    kProgress,
    kCancel,
    kPing,
    kPong,
    kStatus,
    kStatusReply,
    kStop,
};

struct Header {
    uint16_t version = kVersion;
    Type type = Type::kPing;
    uint64_t request = 0;
    uint32_t length = 0;
    uint16_t fds = 0;

    void pack(uint8_t* out) const; // kHeaderBytes
    static Header parse(const uint8_t* data);
};

// Rectangle, y down; x, y is the top-left pixel.
struct Window {
    int32_t x = 0, y = 0;
    uint32_t width = 0, height = 0;
};

struct Hello {
    uint16_t oldest = kVersion, newest = kVersion;
    uint32_t pid = 0;
    Token token{}; // the client's half
    std::string name;

    Bytes pack() const;
    static Hello parse(const Bytes& payload);
};

struct Welcome {
    uint16_t version = 0;
    uint32_t pid = 0;
    Digest table{};
    uint32_t most_payload = 0, most_side = 0;
    uint16_t most_frames = 0, most_pending = 0;
    uint64_t cache_bytes = 0;
    Token token{}; // the worker's half
    std::string server;

    Bytes pack() const;
    static Welcome parse(const Bytes& payload);
};

struct FrameEntry {
    uint8_t role = 1, channels = 4;
    bool eager = false; // the pixels are in RENDER's object, at offset
    int64_t number = 0;
    Digest digest{};
    Window window;
    uint64_t offset = 0;
};

// A source time, and how its picture is made: 0 by motion, 1 as a mix of its neighbours, 2 black.
struct Instant {
    int64_t numerator = 0;
    uint32_t denominator = 1, how = 0;
};

struct Render {
    uint16_t kind = 1, output = 1;
    uint8_t channels = 4;
    Window window, display;
    int64_t numerator = 0, denominator = 1;
    uint64_t offset = 0;
    int64_t stride = 0;
    uint32_t deadline_ms = 0;
    std::vector<std::pair<std::string, std::string>> settings;
    std::vector<FrameEntry> frames;
    std::vector<Instant> instants; // what the picture is the mean of; none: the source time alone

    Bytes pack() const;
    static Render parse(const Bytes& payload);
};

struct Need {
    std::vector<uint16_t> indices;

    Bytes pack() const;
    static Need parse(const Bytes& payload);
};

struct Frames {
    std::vector<std::pair<uint16_t, uint64_t>> places; // index into the frame table, offset in the object

    Bytes pack() const;
    static Frames parse(const Bytes& payload);
};

struct Done {
    uint16_t motion = 0; // 0 not needed, 1 computed, 2 from the cache
    uint32_t receive_us = 0, queued_us = 0, prepare_us = 0, render_us = 0, deliver_us = 0;
    uint32_t repaired = 0;
    uint64_t cache_used = 0;
    std::string info;

    Bytes pack() const;
    static Done parse(const Bytes& payload);
};

struct Failed {
    uint16_t code = 1;
    bool closing = false;
    std::string message, hint;

    Bytes pack() const;
    static Failed parse(const Bytes& payload);
};

struct Progress {
    uint16_t permille = 0;
    std::string text;

    Bytes pack() const;
    static Progress parse(const Bytes& payload);
};

// Takes as long wherever they differ.
bool same(const Token& said, const Token& expected);

bool is_utf8(const std::string& text);

} // namespace retempo::bridge::wire

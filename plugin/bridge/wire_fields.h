// How is a field of a message written and read? Little endian, on any machine; every step of reading is
// checked.
#pragma once

#include <cstring>
#include <string>

#include "bridge/wire.h"

namespace retempo::bridge::wire {

[[noreturn]] inline void refuse(const std::string& what) {
    throw BridgeError(Problem::kProtocol, what,
                      "plugin and worker do not understand each other: install both from one release", 1);
}

class Writer {
  public:
    explicit Writer(Bytes& out) : out_(out) {}

    void u8(uint8_t value) { out_.push_back(value); }
    void u16(uint16_t value) { number(value, 2); }
    void u32(uint32_t value) { number(value, 4); }
    void u64(uint64_t value) { number(value, 8); }
    void i32(int32_t value) { number(static_cast<uint32_t>(value), 4); }
    void i64(int64_t value) { number(static_cast<uint64_t>(value), 8); }
    void digest(const Digest& value) { out_.insert(out_.end(), value.begin(), value.end()); }
    void token(const Token& value) { out_.insert(out_.end(), value.begin(), value.end()); }
    void window(const Window& value) {
        i32(value.x);
        i32(value.y);
        u32(value.width);
        u32(value.height);
    }
    void text(const std::string& value) {
        if (value.size() > 0xFFFF)
            refuse("a text of " + std::to_string(value.size()) + " bytes cannot be sent");
        u16(static_cast<uint16_t>(value.size()));
        raw(value);
    }
    void raw(const std::string& value) { out_.insert(out_.end(), value.begin(), value.end()); }

  private:
    void number(uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<uint8_t>(value >> (8 * i)));
    }
    Bytes& out_;
};

class Reader {
  public:
    Reader(const uint8_t* data, size_t size, const char* what) : at_(data), end_(data + size), what_(what) {}
    Reader(const Bytes& payload, const char* what) : Reader(payload.data(), payload.size(), what) {}

    uint8_t u8() { return *take(1); }
    uint16_t u16() { return static_cast<uint16_t>(number(2)); }
    uint32_t u32() { return static_cast<uint32_t>(number(4)); }
    uint64_t u64() { return number(8); }
    int32_t i32() { return static_cast<int32_t>(u32()); }
    int64_t i64() { return static_cast<int64_t>(u64()); }
    Digest digest() {
        Digest value;
        std::memcpy(value.data(), take(value.size()), value.size());
        return value;
    }
    Token token() {
        Token value;
        std::memcpy(value.data(), take(value.size()), value.size());
        return value;
    }
    Window window() {
        Window value;
        value.x = i32();
        value.y = i32();
        value.width = u32();
        value.height = u32();
        return value;
    }
    std::string raw(size_t size) {
        const uint8_t* data = take(size);
        std::string value(reinterpret_cast<const char*>(data), size);
        if (!is_utf8(value)) refuse(std::string(what_) + " holds a text that is not UTF-8");
        return value;
    }
    std::string text() { return raw(u16()); }
    void zero(int bytes) {
        for (int i = 0; i < bytes; ++i)
            if (u8() != 0) refuse(std::string(what_) + " has reserved bits set");
    }
    void end() const {
        if (at_ != end_)
            refuse(std::string(what_) + " has " + std::to_string(end_ - at_) + " bytes too many");
    }

  private:
    const uint8_t* take(size_t count) {
        if (count > static_cast<size_t>(end_ - at_)) refuse(std::string(what_) + " ends early");
        const uint8_t* part = at_;
        at_ += count;
        return part;
    }
    uint64_t number(int bytes) {
        const uint8_t* data = take(static_cast<size_t>(bytes));
        uint64_t value = 0;
        for (int i = 0; i < bytes; ++i) value |= static_cast<uint64_t>(data[i]) << (8 * i);
        return value;
    }
    const uint8_t* at_;
    const uint8_t* end_;
    const char* what_;
};

} // namespace retempo::bridge::wire

// How are the messages of ../PROTOCOL.md written and read? Field by field, little endian, on any machine.
#include "bridge/wire.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace retempo::bridge::wire {
namespace {

[[noreturn]] void refuse(const std::string& what) {
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

void check_window(const Window& window, const char* what) {
    if (window.width < 1 || window.width > kLargestSide || window.height < 1 || window.height > kLargestSide)
        refuse(std::string(what) + " is " + std::to_string(window.width) + "x" +
               std::to_string(window.height));
    if (window.x > kLargestPlace || window.x < -kLargestPlace || window.y > kLargestPlace ||
        window.y < -kLargestPlace)
        refuse(std::string(what) + " lies too far away");
}

void check_channels(int channels) {
    if (channels != 1 && channels != 3 && channels != 4)
        refuse("RENDER has a picture of " + std::to_string(channels) + " channels");
}

void check_time(int64_t numerator, int64_t denominator) {
    if (denominator < 1 || denominator > kLargestDenominator || numerator > kLargestNumber * denominator ||
        numerator < -kLargestNumber * denominator)
        refuse("a source time of RENDER is out of range");
}

FrameEntry parse_entry(Reader& reader) {
    FrameEntry entry;
    entry.role = reader.u8();
    entry.channels = reader.u8();
    const uint16_t flags = reader.u16();
    reader.zero(4);
    entry.number = reader.i64();
    entry.digest = reader.digest();
    entry.window.width = reader.u32();
    entry.window.height = reader.u32();
    entry.window.x = reader.i32();
    entry.window.y = reader.i32();
    entry.offset = reader.u64();
    entry.eager = (flags & 1) != 0;
    if (flags > 1 || (entry.offset != 0 && !entry.eager)) refuse("a frame of RENDER has reserved bits set");
    if (entry.role < 1 || entry.role > 4) refuse("a frame of RENDER has an unknown role");
    check_channels(entry.channels);
    if (entry.number > kLargestNumber || entry.number < -kLargestNumber)
        refuse("a frame of RENDER has an impossible number");
    check_window(entry.window, "a frame of RENDER");
    return entry;
}

} // namespace

bool is_utf8(const std::string& text) {
    for (size_t at = 0; at < text.size();) {
        const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
        const uint8_t lead = byte(at);
        if (lead < 0x80) {
            ++at;
            continue;
        }
        const int more = lead >= 0xC2 && lead < 0xE0   ? 1
                         : lead >= 0xE0 && lead < 0xF0 ? 2
                         : lead >= 0xF0 && lead < 0xF5 ? 3
                                                       : 0;
        if (more == 0 || at + static_cast<size_t>(more) >= text.size()) return false;
        for (int i = 1; i <= more; ++i)
            if ((byte(at + static_cast<size_t>(i)) & 0xC0) != 0x80) return false;
        const uint8_t second = byte(at + 1); // overlong forms, surrogates, beyond U+10FFFF
        if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
            (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
            return false;
        at += static_cast<size_t>(more) + 1;
    }
    return true;
}

void Header::pack(uint8_t* out) const {
    Bytes data;
    data.reserve(kHeaderBytes);
    Writer writer(data);
    writer.u32(kMagic);
    writer.u16(version);
    writer.u16(static_cast<uint16_t>(type));
    writer.u64(request);
    writer.u32(length);
    writer.u16(fds);
    writer.u16(0);
    writer.u64(0);
    std::memcpy(out, data.data(), kHeaderBytes);
}

Header Header::parse(const uint8_t* data) {
    Reader reader(data, kHeaderBytes, "a header");
    if (reader.u32() != kMagic) refuse("a message does not begin with 'RTMP'");
    Header header;
    header.version = reader.u16();
    if (header.version != kVersion)
        throw BridgeError(Problem::kVersion,
                          "the worker speaks version " + std::to_string(header.version) +
                              " of the protocol, this plugin version " + std::to_string(kVersion),
                          "install plugin and worker from one release, then run: retempo serve --stop");
    const uint16_t type = reader.u16();
    if (type < static_cast<uint16_t>(Type::kHello) || type > static_cast<uint16_t>(Type::kStop))
        refuse("a message has the unknown type " + std::to_string(type));
    header.type = static_cast<Type>(type);
    header.request = reader.u64();
    header.length = reader.u32();
    header.fds = reader.u16();
    if (header.length > kLargestPayload || header.fds > 1)
        refuse("a header announces " + std::to_string(header.length) + " bytes and " +
               std::to_string(header.fds) + " descriptors");
    reader.zero(10);
    return header;
}

Bytes Hello::pack() const {
    Bytes out;
    Writer writer(out);
    writer.u16(oldest);
    writer.u16(newest);
    writer.u32(pid);
    writer.text(name);
    return out;
}

Hello Hello::parse(const Bytes& payload) {
    Reader reader(payload, "HELLO");
    Hello hello;
    hello.oldest = reader.u16();
    hello.newest = reader.u16();
    hello.pid = reader.u32();
    hello.name = reader.text();
    reader.end();
    return hello;
}

Bytes Welcome::pack() const {
    Bytes out;
    Writer writer(out);
    writer.u16(version);
    writer.u16(0);
    writer.u32(pid);
    writer.digest(table);
    writer.u32(most_payload);
    writer.u32(most_side);
    writer.u16(most_frames);
    writer.u16(most_pending);
    writer.u32(0);
    writer.u64(cache_bytes);
    writer.text(server);
    return out;
}

Welcome Welcome::parse(const Bytes& payload) {
    Reader reader(payload, "WELCOME");
    Welcome welcome;
    welcome.version = reader.u16();
    reader.zero(2);
    welcome.pid = reader.u32();
    welcome.table = reader.digest();
    welcome.most_payload = reader.u32();
    welcome.most_side = reader.u32();
    welcome.most_frames = reader.u16();
    welcome.most_pending = reader.u16();
    reader.zero(4);
    welcome.cache_bytes = reader.u64();
    welcome.server = reader.text();
    reader.end();
    return welcome;
}

Bytes Render::pack() const {
    if (settings.size() > kMostSettings || frames.empty() || frames.size() > kMostFrames)
        refuse("a request of " + std::to_string(frames.size()) + " frames and " +
               std::to_string(settings.size()) + " settings cannot be sent");
    if (instants.size() > kMostInstants)
        refuse("a picture of " + std::to_string(instants.size()) + " instants cannot be asked for");
    Bytes out;
    out.reserve(256 + 56 * frames.size());
    Writer writer(out);
    writer.u16(kind);
    writer.u16(output);
    writer.u8(channels);
    writer.u8(static_cast<uint8_t>(instants.size()));
    writer.u16(0);
    writer.window(window);
    writer.window(display);
    writer.i64(numerator);
    writer.i64(denominator);
    writer.u64(offset);
    writer.i64(stride);
    writer.u32(deadline_ms);
    writer.u16(static_cast<uint16_t>(settings.size()));
    writer.u16(static_cast<uint16_t>(frames.size()));
    for (const auto& [key, value] : settings) {
        if (key.size() > 0xFF) refuse("the name of a setting has " + std::to_string(key.size()) + " bytes");
        writer.u8(static_cast<uint8_t>(key.size()));
        writer.raw(key);
        writer.text(value);
    }
    for (const FrameEntry& entry : frames) {
        writer.u8(entry.role);
        writer.u8(entry.channels);
        writer.u16(entry.eager ? 1 : 0);
        writer.u32(0);
        writer.i64(entry.number);
        writer.digest(entry.digest);
        writer.u32(entry.window.width);
        writer.u32(entry.window.height);
        writer.i32(entry.window.x);
        writer.i32(entry.window.y);
        writer.u64(entry.eager ? entry.offset : 0);
    }
    for (const Instant& instant : instants) {
        writer.i64(instant.numerator);
        writer.u32(instant.denominator);
        writer.u32(instant.how);
    }
    if (out.size() > kLargestPayload)
        refuse("a request of " + std::to_string(out.size()) + " bytes is too long");
    return out;
}

Render Render::parse(const Bytes& payload) {
    Reader reader(payload, "RENDER");
    Render render;
    render.kind = reader.u16();
    render.output = reader.u16();
    render.channels = reader.u8();
    const size_t instants = reader.u8();
    reader.zero(2);
    render.window = reader.window();
    render.display = reader.window();
    render.numerator = reader.i64();
    render.denominator = reader.i64();
    render.offset = reader.u64();
    render.stride = reader.i64();
    render.deadline_ms = reader.u32();
    const size_t settings = reader.u16(), frames = reader.u16();
    constexpr unsigned kLight = 1 | 16 | 32 | 64, kTrust = 4 | 8, kMotion = 2, kShots = 128 | 256;
    const unsigned known = render.kind == 1   ? kLight | kTrust | kMotion
                           : render.kind == 2 ? kMotion | kTrust
                           : render.kind == 3 ? kShots
                                              : 0;
    const bool one_bit = render.output != 0 && (render.output & (render.output - 1)) == 0;
    if (!one_bit || (render.output & known) == 0) refuse("RENDER asks for an unknown kind or output");
    check_channels(render.channels);
    if (instants > kMostInstants || (instants > 0 && (render.output & kLight) == 0))
        refuse("RENDER has instants that it cannot have");
    check_time(render.numerator, render.denominator);
    if (settings > kMostSettings || frames < 1 || frames > kMostFrames)
        refuse("RENDER has " + std::to_string(settings) + " settings and " + std::to_string(frames) +
               " frames");
    check_window(render.window, "RENDER's result");
    check_window(render.display, "RENDER's display");
    const int64_t row = 4 * int64_t{render.channels} * render.window.width;
    if ((render.stride < row && render.stride > -row) || render.stride % 4 != 0 || render.offset % 4 != 0)
        refuse("RENDER's rows overlap");
    std::set<std::string> names;
    for (size_t i = 0; i < settings; ++i) {
        std::string key = reader.raw(reader.u8());
        if (!names.insert(key).second) refuse("RENDER gives a setting twice");
        std::string value = reader.text();
        render.settings.emplace_back(std::move(key), std::move(value));
    }
    std::set<std::pair<int, int64_t>> seen;
    for (size_t i = 0; i < frames; ++i) {
        render.frames.push_back(parse_entry(reader));
        if (!seen.emplace(render.frames.back().role, render.frames.back().number).second)
            refuse("RENDER's frame table names a frame twice");
    }
    for (size_t i = 0; i < instants; ++i) {
        Instant instant;
        instant.numerator = reader.i64();
        instant.denominator = reader.u32();
        instant.how = reader.u32();
        check_time(instant.numerator, instant.denominator);
        if (instant.how > 2) refuse("an instant of RENDER is made in an unknown way");
        render.instants.push_back(instant);
    }
    reader.end();
    return render;
}

Bytes Need::pack() const {
    Bytes out;
    Writer writer(out);
    writer.u16(static_cast<uint16_t>(indices.size()));
    for (uint16_t index : indices) writer.u16(index);
    return out;
}

Need Need::parse(const Bytes& payload) {
    Reader reader(payload, "NEED");
    Need need;
    const size_t count = reader.u16();
    for (size_t i = 0; i < count; ++i) need.indices.push_back(reader.u16());
    reader.end();
    return need;
}

Bytes Frames::pack() const {
    Bytes out;
    Writer writer(out);
    writer.u16(static_cast<uint16_t>(places.size()));
    writer.u16(0);
    writer.u32(0);
    for (const auto& [index, offset] : places) {
        writer.u16(index);
        writer.u16(0);
        writer.u32(0);
        writer.u64(offset);
    }
    return out;
}

Frames Frames::parse(const Bytes& payload) {
    Reader reader(payload, "FRAMES");
    Frames frames;
    const size_t count = reader.u16();
    reader.zero(6);
    for (size_t i = 0; i < count; ++i) {
        const uint16_t index = reader.u16();
        reader.zero(6);
        frames.places.emplace_back(index, reader.u64());
    }
    reader.end();
    return frames;
}

Bytes Done::pack() const {
    Bytes out;
    Writer writer(out);
    writer.u16(motion);
    writer.u16(0);
    for (uint32_t time : {receive_us, queued_us, prepare_us, render_us, deliver_us}) writer.u32(time);
    writer.u32(repaired);
    writer.u32(0);
    writer.u64(cache_used);
    writer.text(info);
    return out;
}

Done Done::parse(const Bytes& payload) {
    Reader reader(payload, "DONE");
    Done done;
    done.motion = reader.u16();
    if (done.motion > 2) refuse("DONE tells of an unknown kind of motion");
    reader.zero(2);
    for (uint32_t* time :
         {&done.receive_us, &done.queued_us, &done.prepare_us, &done.render_us, &done.deliver_us})
        *time = reader.u32();
    done.repaired = reader.u32();
    reader.zero(4);
    done.cache_used = reader.u64();
    done.info = reader.text();
    reader.end();
    return done;
}

Bytes Failed::pack() const {
    Bytes out;
    Writer writer(out);
    writer.u16(code);
    writer.u16(closing ? 1 : 0);
    writer.text(message);
    writer.text(hint);
    return out;
}

Failed Failed::parse(const Bytes& payload) {
    Reader reader(payload, "FAILED");
    Failed failed;
    failed.code = reader.u16();
    failed.closing = (reader.u16() & 1) != 0;
    failed.message = reader.text();
    failed.hint = reader.text();
    reader.end();
    return failed;
}

Bytes Progress::pack() const {
    Bytes out;
    Writer writer(out);
    writer.u16(permille);
    writer.u16(0);
    writer.text(text);
    return out;
}

Progress Progress::parse(const Bytes& payload) {
    Reader reader(payload, "PROGRESS");
    Progress progress;
    progress.permille = reader.u16();
    reader.zero(2);
    progress.text = reader.text();
    reader.end();
    return progress;
}

} // namespace retempo::bridge::wire

// How are the messages of ../PROTOCOL.md written and read? All but RENDER, which is in wire_render.cpp.
#include "bridge/wire.h"

#include <cstring>

#include "bridge/wire_fields.h"

namespace retempo::bridge::wire {

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

bool same(const Token& said, const Token& expected) {
    volatile uint8_t difference = 0; // volatile: the loop must not end early
    for (size_t i = 0; i < said.size(); ++i)
        difference = static_cast<uint8_t>(difference | (said[i] ^ expected[i]));
    return difference == 0;
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
    writer.token(token);
    writer.text(name);
    return out;
}

Hello Hello::parse(const Bytes& payload) {
    Reader reader(payload, "HELLO");
    Hello hello;
    hello.oldest = reader.u16();
    hello.newest = reader.u16();
    hello.pid = reader.u32();
    hello.token = reader.token();
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
    writer.token(token);
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
    welcome.token = reader.token();
    welcome.server = reader.text();
    reader.end();
    return welcome;
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

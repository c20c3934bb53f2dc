// How is RENDER written and read? What a request may ask for is checked here, as the worker does.
#include <set>

#include "bridge/wire.h"
#include "bridge/wire_fields.h"

namespace retempo::bridge::wire {
namespace {

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

} // namespace retempo::bridge::wire

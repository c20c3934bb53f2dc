// What do the parts give that need no worker? Messages, digests, fractions, pixels, commands.
#include <cfenv>
#include <cstring>
#include <iostream>
#include <sstream>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "bridge/frame_copy.h"
#include "bridge/process.h"
#include "driver.h"

namespace driver {
namespace {

using namespace retempo::bridge;
using wire::Type;

std::string window_text(const wire::Window& window) {
    std::ostringstream out;
    out << "[" << window.x << ", " << window.y << ", " << window.width << ", " << window.height << "]";
    return out.str();
}

// Values as the fixture has them, and the payload packed again.
wire::Bytes describe(Type type, const wire::Bytes& payload, std::ostream& out) {
    const auto list = [&](const auto& items, const auto& one) {
        const char* between = "";
        for (const auto& item : items) {
            out << between;
            one(item);
            between = ", ";
        }
    };
    switch (type) {
    case Type::kHello: {
        const auto it = wire::Hello::parse(payload);
        out << "{\"name\": " << quoted(it.name) << ", \"pid\": " << it.pid << ", \"oldest\": " << it.oldest
            << ", \"newest\": " << it.newest << ", \"token\": \"" << hex(it.token.data(), it.token.size())
            << "\"}";
        return it.pack();
    }
    case Type::kWelcome: {
        const auto it = wire::Welcome::parse(payload);
        out << "{\"server\": " << quoted(it.server) << ", \"pid\": " << it.pid << ", \"table\": \""
            << hex(it.table.data(), 16) << "\", \"cache_bytes\": " << it.cache_bytes
            << ", \"version\": " << it.version << ", \"most_payload\": " << it.most_payload
            << ", \"most_side\": " << it.most_side << ", \"most_frames\": " << it.most_frames
            << ", \"most_pending\": " << it.most_pending << ", \"token\": \""
            << hex(it.token.data(), it.token.size()) << "\"}";
        return it.pack();
    }
    case Type::kRender: {
        const auto it = wire::Render::parse(payload);
        out << "{\"kind\": " << it.kind << ", \"output\": " << it.output << ", \"time\": [" << it.numerator
            << ", " << it.denominator << "], \"window\": " << window_text(it.window)
            << ", \"display\": " << window_text(it.display) << ", \"channels\": " << int{it.channels}
            << ", \"offset\": " << it.offset << ", \"stride\": " << it.stride << ", \"settings\": {";
        list(it.settings, [&](const auto& s) { out << quoted(s.first) << ": " << quoted(s.second); });
        out << "}, \"frames\": [";
        list(it.frames, [&](const wire::FrameEntry& entry) {
            out << "{\"role\": " << int{entry.role} << ", \"number\": " << entry.number << ", \"digest\": \""
                << hex(entry.digest.data(), 16) << "\", \"channels\": " << int{entry.channels}
                << ", \"window\": " << window_text(entry.window)
                << ", \"offset\": " << (entry.eager ? std::to_string(entry.offset) : "null") << "}";
        });
        out << "], \"deadline\": " << it.deadline_ms << ", \"instants\": [";
        list(it.instants, [&](const wire::Instant& instant) {
            out << "{\"time\": [" << instant.numerator << ", " << instant.denominator
                << "], \"how\": " << instant.how << "}";
        });
        out << "]}";
        return it.pack();
    }
    case Type::kNeed: {
        const auto it = wire::Need::parse(payload);
        out << "[";
        list(it.indices, [&](uint16_t index) { out << index; });
        out << "]";
        return it.pack();
    }
    case Type::kFrames: {
        const auto it = wire::Frames::parse(payload);
        out << "[";
        list(it.places, [&](const auto& place) { out << "[" << place.first << ", " << place.second << "]"; });
        out << "]";
        return it.pack();
    }
    case Type::kDone: {
        const auto it = wire::Done::parse(payload);
        out << "{\"flow\": " << it.motion << ", \"receive\": " << it.receive_us
            << ", \"queued\": " << it.queued_us << ", \"prepare\": " << it.prepare_us
            << ", \"render\": " << it.render_us << ", \"deliver\": " << it.deliver_us
            << ", \"repaired\": " << it.repaired << ", \"cache_used\": " << it.cache_used
            << ", \"info\": " << quoted(it.info) << "}";
        return it.pack();
    }
    case Type::kFailed: {
        const auto it = wire::Failed::parse(payload);
        out << "{\"code\": " << it.code << ", \"message\": " << quoted(it.message)
            << ", \"hint\": " << quoted(it.hint) << ", \"closing\": " << (it.closing ? "true" : "false")
            << "}";
        return it.pack();
    }
    case Type::kProgress: {
        const auto it = wire::Progress::parse(payload);
        out << "{\"permille\": " << it.permille << ", \"text\": " << quoted(it.text) << "}";
        return it.pack();
    }
    case Type::kStatusReply:
        out << quoted(hex(payload.data(), payload.size()));
        return payload;
    default:
        if (!payload.empty()) throw BridgeError(Problem::kProtocol, "too long");
        out << "{}";
        return payload;
    }
}

Depth depth_of(const std::string& name) {
    return name == "byte"    ? Depth::kByte
           : name == "short" ? Depth::kShort
           : name == "half"  ? Depth::kHalf
                             : Depth::kFloat;
}

AlphaState alpha_of(const std::string& name) {
    return name == "unpremultiplied" ? AlphaState::kUnpremultiplied : AlphaState::kPremultiplied;
}

template <class Data>
PictureOf<Data> picture_from(const Arguments& arguments, uint8_t* buffer) {
    const std::vector<int> bounds = arguments.numbers("bounds");
    PictureOf<Data> picture;
    picture.bounds = {bounds.at(0), bounds.at(1), bounds.at(2), bounds.at(3)};
    picture.data = buffer + arguments.number("start");
    picture.row_bytes = arguments.number("row_bytes");
    picture.depth = depth_of(arguments.text("depth"));
    picture.components = static_cast<Components>(arguments.number("channels", 4));
    picture.alpha = alpha_of(arguments.text("alpha"));
    return picture;
}

} // namespace

// Each line of input: a whole message in hex.
int codec(const Arguments&) {
    for (std::string line; std::getline(std::cin, line);) {
        const std::vector<uint8_t> data = unhex(line);
        try {
            if (data.size() < wire::kHeaderBytes) throw BridgeError(Problem::kProtocol, "short");
            const wire::Header header = wire::Header::parse(data.data());
            const wire::Bytes payload(data.begin() + wire::kHeaderBytes, data.end());
            if (payload.size() != header.length) throw BridgeError(Problem::kProtocol, "length");
            std::ostringstream values;
            wire::Header again = header;
            const wire::Bytes packed = describe(header.type, payload, values);
            again.length = static_cast<uint32_t>(packed.size());
            uint8_t head[wire::kHeaderBytes];
            again.pack(head);
            std::cout << "{\"type\": " << static_cast<int>(header.type) << ", \"request\": " << header.request
                      << ", \"fds\": " << header.fds << ", \"values\": " << values.str() << ", \"hex\": \""
                      << hex(head, sizeof head) << hex(packed.data(), packed.size()) << "\"}\n";
        } catch (const BridgeError& error) {
            std::cout << "{\"error\": " << quoted(error.message()) << "}\n";
        }
    }
    return 0;
}

// The digest of the fixtures' picture: looked at, copied, and in the code for all machines.
int digest(const Arguments& arguments) {
    const int width = static_cast<int>(arguments.number("width")),
              height = static_cast<int>(arguments.number("height"));
    const int channels = static_cast<int>(arguments.number("channels"));
    const int x = static_cast<int>(arguments.number("x")), y = static_cast<int>(arguments.number("y"));
    std::vector<float> pixels;
    for (int row = 0; row < height; ++row)
        for (int column = 0; column < width; ++column)
            for (int c = 0; c < channels; ++c)
                pixels.push_back(static_cast<float>((column * 7 + row * 13 + c * 29) % 256 - 64) / 32.0f);
    Picture picture;
    picture.row_bytes = -4 * channels * width; // the first row in memory is the top
    picture.bounds = {x, -y - height, x + width, -y};
    picture.data = pixels.data() + static_cast<ptrdiff_t>(height - 1) * channels * width;
    picture.components = static_cast<Components>(channels);
    const Bounds display{0, -100, 100, 0};
    const Abort nobody;
    const Watch watch(nobody, Clock::time_point::max());
    const wire::Window window = wire_window(picture.bounds, display);
    const auto memory = SharedMemory::create(wire_bytes(channels, picture.bounds));
    memory->settle(memory->size()); // mapped: hashed by the pass that copies
    for (const wire::Digest& found :
         {digest_picture(picture, window, watch), share_picture(picture, window, *memory, 0, watch),
          portable_digest(window, static_cast<uint32_t>(channels), pixels.data())})
        std::cout << hex(found.data(), 16) << "\n";
    return 0;
}

// Each line of input: a double in C's hexadecimal notation.
int rational(const Arguments&) {
    for (std::string line; std::getline(std::cin, line);) {
        try {
            const Rational time = rational_time(std::strtod(line.c_str(), nullptr));
            std::cout << time.numerator << " " << time.denominator << "\n";
        } catch (const BridgeError&) { std::cout << "refused\n"; }
    }
    return 0;
}

// One row there (to=float) or back, raw; read at an odd address. odd=1: in a host that rounds up and flushes
// denormals to zero.
int rows(const Arguments& arguments) {
    if (arguments.number("odd") != 0) {
        std::fesetround(FE_UPWARD);
#if defined(__x86_64__)
        _mm_setcsr(_mm_getcsr() | 0x8040); // flush to zero, denormals are zero
#endif
    }
    const std::vector<uint8_t> input = read_input();
    const auto components = static_cast<Components>(arguments.number("channels", 4));
    const Depth depth = depth_of(arguments.text("depth"));
    const AlphaState alpha = alpha_of(arguments.text("alpha"));
    const bool reading = arguments.text("to") == "float";
    const size_t sample = reading ? sample_bytes(depth) : 4;
    const size_t count = input.size() / sample;
    const int width = static_cast<int>(count) / static_cast<int>(components);
    if (reading) {
        std::vector<uint8_t> odd(input);
        odd.insert(odd.begin(), 0);
        std::vector<float> out(count);
        read_row(odd.data() + 1, depth, components, alpha, width, out.data());
        write_output(out.data(), count * 4);
    } else {
        std::vector<float> row(count), scratch(count);
        std::memcpy(row.data(), input.data(), count * 4);
        std::vector<uint8_t> out(count * sample_bytes(depth) + 1);
        write_row(row.data(), depth, components, alpha, width, out.data() + 1, scratch.data());
        write_output(out.data() + 1, out.size() - 1);
    }
    return 0;
}

// A host's picture into shared memory (to=wire: the digest in hex on the first line, then the rows) or back.
int picture(const Arguments& arguments) {
    std::vector<uint8_t> input = read_input();
    const Abort nobody;
    const Watch watch(nobody, Clock::time_point::max());
    if (arguments.text("to") == "wire") {
        const auto source = picture_from<const void>(arguments, input.data());
        const std::vector<int> display = arguments.numbers("display");
        const wire::Window window =
            wire_window(source.bounds, {display.at(0), display.at(1), display.at(2), display.at(3)});
        const wire::Digest found = digest_picture(source, window, watch);
        const auto memory = SharedMemory::create(16 + wire_bytes(source.channels(), source.bounds));
        if (arguments.number("settled") != 0) memory->settle(memory->size());
        if (share_picture(source, window, *memory, 16, watch) != found) return 1;
        std::vector<uint8_t> out(wire_bytes(source.channels(), source.bounds));
        const SharedMemory::Piece piece{out.data(), out.size()};
        memory->read(16, &piece, 1);
        std::cout << hex(found.data(), 16) << " " << window_text(window) << "\n";
        write_output(out.data(), out.size());
        return 0;
    }
    const std::vector<int> part = arguments.numbers("window");
    std::vector<uint8_t> buffer(static_cast<size_t>(arguments.number("size")), 0xAB);
    const auto target = picture_from<void>(arguments, buffer.data());
    const auto memory = SharedMemory::create(input.size());
    const SharedMemory::Piece piece{input.data(), input.size()};
    memory->write(0, &piece, 1);
    deliver_picture(*memory, target, {part.at(0), part.at(1), part.at(2), part.at(3)}, watch);
    write_output(buffer.data(), buffer.size());
    return 0;
}

// Both kinds of shared memory do the same.
int memory(const Arguments&) {
    bool good = true;
    for (const auto kind : {SharedMemory::Kind::kMemfd, SharedMemory::Kind::kPosix}) {
        const auto object = SharedMemory::create(1000, kind);
        std::vector<uint8_t> bytes(900), taken(900);
        for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
        std::vector<SharedMemory::Piece> in,
            out; // more pieces than one system call takes here, some of them empty
        for (size_t i = 0; i < 900; i += 6) {
            in.push_back({bytes.data() + i, 6});
            in.push_back({bytes.data(), 0});
            out.push_back({taken.data() + i, 6});
        }
        object->write(100, in.data(), in.size());
        object->read(100, out.data(), out.size());
        good = good && taken == bytes && object->size() == 1000;
        object->settle(1000);
        std::fill(taken.begin(), taken.end(), uint8_t{0});
        object->read(100, out.data(), out.size());
        object->write(100, in.data(), in.size());
        good = good && taken == bytes;
        if (kind == SharedMemory::Kind::kMemfd) {
            object->grow(5000);
            object->grow(10);
            object->write(4000, in.data(), in.size()); // beyond what is settled
            object->settle(5000);
            std::fill(taken.begin(), taken.end(), uint8_t{0});
            object->read(4000, out.data(), out.size());
            good = good && object->size() == 5000 && taken == bytes;
        }
        try { // beyond the end
            object->read(object->size() - 600, out.data(), out.size());
            good = false;
        } catch (const BridgeError& error) { good = good && error.problem() == Problem::kMemory; }
    }
    std::cout << (good ? "good" : "bad") << "\n";
    return good ? 0 : 1;
}

int words(const Arguments& arguments) {
    for (const std::string& word : split_words(arguments.text("line"))) std::cout << word << "\n";
    return 0;
}

int environment(const Arguments&) {
    for (const std::string& entry : worker_environment()) std::cout << entry << "\n";
    return 0;
}

} // namespace driver

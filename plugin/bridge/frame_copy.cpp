// How is a picture copied with as few passes as possible? Rows in the wire's format are never copied aside.
#include "bridge/frame_copy.h"

#include <mutex>

#include "bridge/digest.h"
#include "bridge/stream.h"

namespace retempo::bridge {
namespace {

size_t row_floats(int channels, const Bounds& bounds) {
    return static_cast<size_t>(channels) * static_cast<size_t>(bounds.width());
}

} // namespace

wire::Window wire_window(const Bounds& bounds, const Bounds& display) {
    wire::Window window;
    window.x = bounds.x1 - display.x1;
    window.y = display.y2 - bounds.y2;
    window.width = static_cast<uint32_t>(bounds.width());
    window.height = static_cast<uint32_t>(bounds.height());
    return window;
}

uint64_t wire_bytes(int channels, const Bounds& bounds) {
    return 4 * uint64_t{row_floats(channels, bounds)} * static_cast<uint64_t>(bounds.height());
}

wire::Digest digest_picture(const Picture& picture, const wire::Window& window, const Watch& watch,
                            Hands hands) {
    const FrameDigest empty(static_cast<uint32_t>(picture.channels()), window.width, window.height, window.x,
                            window.y);
    FrameDigest sum = empty;
    std::mutex mutex;
    const size_t floats = row_floats(picture.channels(), picture.bounds);
    const bool direct = is_wire_format(picture);
    for_strips(picture.bounds.height(), floats * 4, watch, hands, [&] {
        return [&, converted = std::vector<float>(direct ? 0 : floats)](int first, int rows) mutable {
            FrameDigest part = empty;
            for (int r = first; r < first + rows; ++r) {
                const void* row = row_of(picture, picture.bounds, r);
                if (!direct) {
                    read_row(row, picture.depth, picture.components, picture.alpha, picture.bounds.width(),
                             converted.data());
                    row = converted.data();
                }
                part.add_row(static_cast<uint32_t>(r), row);
            }
            const std::lock_guard<std::mutex> guard(mutex);
            sum.join(part, empty);
        };
    });
    return sum.finish();
}

wire::Digest share_picture(const Picture& picture, const wire::Window& window, SharedMemory& memory,
                           uint64_t offset, const Watch& watch) {
    const FrameDigest empty(static_cast<uint32_t>(picture.channels()), window.width, window.height, window.x,
                            window.y);
    FrameDigest sum = empty;
    std::mutex mutex;
    const size_t floats = row_floats(picture.channels(), picture.bounds), bytes = floats * 4;
    const uint64_t all = wire_bytes(picture.channels(), picture.bounds);
    const bool direct = is_wire_format(picture);
    char* const target = memory.mapped(offset, all);
    const auto how = all >= kWorthStreams ? FrameDigest::Copy::kStreamed : FrameDigest::Copy::kPlain;
    const auto strip = target != nullptr ? 1 : static_cast<size_t>(strip_rows(bytes));
    for_strips(picture.bounds.height(), bytes, watch, Hands::kFew, [&] {
        return [&, converted = std::vector<float>(direct ? 0 : floats * strip)](int first, int rows) mutable {
            SharedMemory::Piece pieces[kMostStripRows];
            FrameDigest part = empty;
            for (int i = 0; i < rows; ++i) {
                const int r = first + i;
                const void* row = row_of(picture, picture.bounds, r);
                if (!direct) {
                    float* out = converted.data() + floats * (static_cast<size_t>(i) % strip);
                    read_row(row, picture.depth, picture.components, picture.alpha, picture.bounds.width(),
                             out);
                    row = out;
                }
                if (target != nullptr) {
                    part.add_row(static_cast<uint32_t>(r), row, target + bytes * static_cast<size_t>(r), how);
                } else {
                    part.add_row(static_cast<uint32_t>(r), row);
                    pieces[i] = {const_cast<void*>(row), bytes};
                }
            }
            finish_streams();
            if (target == nullptr)
                memory.write(offset + uint64_t{bytes} * static_cast<uint64_t>(first), pieces,
                             static_cast<size_t>(rows));
            const std::lock_guard<std::mutex> guard(mutex);
            sum.join(part, empty);
        };
    });
    return sum.finish();
}

void deliver_picture(const SharedMemory& memory, const MutablePicture& picture, const Bounds& window,
                     const Watch& watch) {
    const size_t floats = row_floats(picture.channels(), window), bytes = floats * 4;
    const bool direct = is_wire_format(picture);
    const uint64_t all = wire_bytes(picture.channels(), window);
    const char* const source = memory.mapped(0, all);
    const bool streamed = direct && source != nullptr && all >= kWorthStreams;
    const auto strip = static_cast<size_t>(strip_rows(bytes));
    for_strips(window.height(), bytes, watch, Hands::kFew, [&] {
        return [&, taken = std::vector<float>(direct ? 0 : floats * strip),
                scratch = std::vector<float>(direct ? 0 : floats)](int first, int rows) mutable {
            if (streamed) {
                for (int r = first; r < first + rows; ++r)
                    stream_copy(row_of(picture, window, r), source + bytes * static_cast<size_t>(r), bytes);
                return;
            }
            SharedMemory::Piece pieces[kMostStripRows];
            for (int i = 0; i < rows; ++i) {
                void* row = direct ? row_of(picture, window, first + i)
                                   : static_cast<void*>(taken.data() + floats * static_cast<size_t>(i));
                pieces[i] = {row, bytes};
            }
            memory.read(uint64_t{bytes} * static_cast<uint64_t>(first), pieces, static_cast<size_t>(rows));
            for (int i = 0; i < rows && !direct; ++i)
                write_row(taken.data() + floats * static_cast<size_t>(i), picture.depth, picture.components,
                          picture.alpha, window.width(), row_of(picture, window, first + i), scratch.data());
        };
    });
}

} // namespace retempo::bridge

// How is a picture copied with as few passes as possible? Rows in the wire's format are never copied aside.
#include "bridge/frame_copy.h"

#include <algorithm>

#include "bridge/digest.h"

namespace retempo::bridge {
namespace {

constexpr size_t kStripBytes = size_t{256} << 10;
constexpr int kMostRows = 64;

int strip_rows(size_t row_bytes) {
    return static_cast<int>(std::clamp<size_t>(kStripBytes / row_bytes, 1, kMostRows));
}

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

wire::Digest digest_picture(const Picture& picture, const wire::Window& window, const Watch& watch) {
    FrameDigest digest(static_cast<uint32_t>(picture.channels()), window.width, window.height, window.x,
                       window.y);
    const size_t floats = row_floats(picture.channels(), picture.bounds);
    const bool direct = is_wire_format(picture);
    std::vector<float> converted(direct ? 0 : floats);
    const int height = picture.bounds.height(), strip = strip_rows(floats * 4);
    for (int r = 0; r < height; ++r) {
        if (r % strip == 0) watch.check();
        const void* row = row_of(picture, picture.bounds, r);
        if (!direct) {
            read_row(row, picture.depth, picture.components, picture.alpha, picture.bounds.width(),
                     converted.data());
            row = converted.data();
        }
        digest.add_row(static_cast<uint32_t>(r), row);
    }
    return digest.finish();
}

void share_picture(const Picture& picture, SharedMemory& memory, uint64_t offset, const Watch& watch) {
    const size_t floats = row_floats(picture.channels(), picture.bounds), bytes = floats * 4;
    const bool direct = is_wire_format(picture);
    const int height = picture.bounds.height(), strip = strip_rows(bytes);
    std::vector<float> converted(direct ? 0 : floats * static_cast<size_t>(strip));
    SharedMemory::Piece pieces[kMostRows];
    for (int first = 0; first < height; first += strip) {
        watch.check();
        const int rows = std::min(strip, height - first);
        for (int i = 0; i < rows; ++i) {
            const void* row = row_of(picture, picture.bounds, first + i);
            if (!direct) {
                float* out = converted.data() + floats * static_cast<size_t>(i);
                read_row(row, picture.depth, picture.components, picture.alpha, picture.bounds.width(), out);
                row = out;
            }
            pieces[i] = {const_cast<void*>(row), bytes};
        }
        memory.write(offset + uint64_t{bytes} * static_cast<uint64_t>(first), pieces,
                     static_cast<size_t>(rows));
    }
}

void deliver_picture(const SharedMemory& memory, const MutablePicture& picture, const Bounds& window,
                     const Watch& watch) {
    const size_t floats = row_floats(picture.channels(), window), bytes = floats * 4;
    const bool direct = is_wire_format(picture);
    const int height = window.height(), strip = strip_rows(bytes);
    std::vector<float> taken(direct ? 0 : floats * static_cast<size_t>(strip)), scratch(direct ? 0 : floats);
    SharedMemory::Piece pieces[kMostRows];
    for (int first = 0; first < height; first += strip) {
        watch.check();
        const int rows = std::min(strip, height - first);
        for (int i = 0; i < rows; ++i) {
            void* row = direct ? row_of(picture, window, first + i)
                               : static_cast<void*>(taken.data() + floats * static_cast<size_t>(i));
            pieces[i] = {row, bytes};
        }
        memory.read(uint64_t{bytes} * static_cast<uint64_t>(first), pieces, static_cast<size_t>(rows));
        for (int i = 0; i < rows && !direct; ++i)
            write_row(taken.data() + floats * static_cast<size_t>(i), picture.depth, picture.components,
                      picture.alpha, window.width(), row_of(picture, window, first + i), scratch.data());
    }
}

} // namespace retempo::bridge

// How do a host's pixels become rows of floats, and rows of floats a host's pixels?
//
// Host pictures have bounds with y up, a pointer to the bottom-left pixel, any distance between rows
// (negative too) and one of four depths. The wire has float32, the top row first. Byte and short are value /
// 255 and value / 65535, half is IEEE; back: rounded to the nearest (half: ties to even), clamped to what the
// depth can hold, NaN becomes 0 in byte and short. No rounding mode or flush-to-zero setting of the host
// changes a bit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace retempo::bridge {

enum class Depth { kByte, kShort, kHalf, kFloat };
enum class Components { kAlpha = 1, kRGB = 3, kRGBA = 4 }; // the value is the number of channels
// What RGB of an RGBA picture is. The worker computes on colour that is multiplied by alpha.
enum class AlphaState { kPremultiplied, kUnpremultiplied, kOpaque };

// Pixels x1 <= x < x2, y1 <= y < y2; y goes up.
struct Bounds {
    int x1 = 0, y1 = 0, x2 = 0, y2 = 0;

    int width() const { return x2 - x1; }
    int height() const { return y2 - y1; }
    bool empty() const { return x2 <= x1 || y2 <= y1; }
    bool contains(const Bounds& inner) const {
        return inner.x1 >= x1 && inner.y1 >= y1 && inner.x2 <= x2 && inner.y2 <= y2;
    }
};

// A picture of the host; owns nothing. `Data` is const void (to read) or void (to write).
template <class Data>
struct PictureOf {
    Data* data = nullptr; // the pixel (bounds.x1, bounds.y1): bottom left
    Bounds bounds;
    ptrdiff_t row_bytes = 0; // from a row to the one above it
    Depth depth = Depth::kFloat;
    Components components = Components::kRGBA;
    AlphaState alpha = AlphaState::kPremultiplied;

    int channels() const { return static_cast<int>(components); }
};
using Picture = PictureOf<const void>;
using MutablePicture = PictureOf<void>;

size_t sample_bytes(Depth depth);

// First byte of the r-th row from the top of `part` (inside the picture's bounds), at part's left edge.
template <class Data>
Data* row_of(const PictureOf<Data>& picture, const Bounds& part, int r) {
    using Byte = decltype(static_cast<Data*>(nullptr));
    const ptrdiff_t up = part.y2 - 1 - r - picture.bounds.y1;
    const ptrdiff_t right = part.x1 - picture.bounds.x1;
    const auto base = reinterpret_cast<uintptr_t>(picture.data);
    const auto pixel = static_cast<ptrdiff_t>(sample_bytes(picture.depth)) * picture.channels();
    return reinterpret_cast<Byte>(base + static_cast<uintptr_t>(up * picture.row_bytes + right * pixel));
}

// Are its rows already what goes over the wire? Then they need no conversion.
template <class Data>
bool is_wire_format(const PictureOf<Data>& picture) {
    return picture.depth == Depth::kFloat &&
           !(picture.components == Components::kRGBA && picture.alpha == AlphaState::kUnpremultiplied);
}

// width pixels from `row` (any alignment) into floats, colour multiplied by alpha where the picture says that
// it is not yet.
void read_row(const void* row, Depth depth, Components components, AlphaState alpha, int width, float* out);

// The way back. Colour is divided by alpha for kUnpremultiplied, left alone where alpha is 0.
// `scratch`: width * channels floats.
void write_row(const float* row, Depth depth, Components components, AlphaState alpha, int width, void* out,
               float* scratch);

float half_to_float(uint16_t half);
uint16_t float_to_half(float value);

} // namespace retempo::bridge

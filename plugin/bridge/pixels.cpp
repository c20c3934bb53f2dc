// How is one row converted? Loops without branches, which compilers turn into vector code.
#include "bridge/pixels.h"

#include <cfenv>
#include <cstring>

namespace retempo::bridge {
namespace {

uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return bits;
}

float float_of(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

// Rounds to the nearest and keeps denormals while it lives, whatever the host's thread does.
class PlainArithmetic {
  public:
    PlainArithmetic() {
        std::fegetenv(&kept_);
        std::fesetenv(FE_DFL_ENV);
    }
    ~PlainArithmetic() { std::fesetenv(&kept_); }
    PlainArithmetic(const PlainArithmetic&) = delete;
    PlainArithmetic& operator=(const PlainArithmetic&) = delete;

  private:
    std::fenv_t kept_;
};

// No float that occurs on the way is denormal: hosts that flush those to zero get the same result.
inline float from_half(uint16_t half) {
    const uint32_t shifted = (half & 0x7FFFu) << 13;
    const uint32_t exponent = shifted & (0x7C00u << 13);
    const uint32_t normal = shifted + ((127u - 15u) << 23);
    const uint32_t special = normal + ((128u - 16u) << 23);                               // infinite, NaN
    const uint32_t small = bits_of(float_of(normal + (1u << 23)) - float_of(113u << 23)); // denormal half, 0
    const uint32_t magnitude = exponent == (0x7C00u << 13) ? special : exponent == 0 ? small : normal;
    return float_of(magnitude | (uint32_t{half} & 0x8000u) << 16);
}

inline uint16_t to_half(float value) {
    const uint32_t bits = bits_of(value), sign = bits & 0x80000000u, size = bits ^ sign;
    const uint32_t special = size > (255u << 23) ? 0x7E00u : 0x7C00u; // NaN stays NaN; too large is infinite
    // denormal half: the addition of 0.5 rounds where the half's last bit is
    const uint32_t clipped = size < (113u << 23) ? size : 0;
    const uint32_t small = bits_of(float_of(clipped) + 0.5f) - bits_of(0.5f);
    const uint32_t odd = (size >> 13) & 1; // ties to even
    const uint32_t normal = (size - (112u << 23) + 0xFFFu + odd) >> 13;
    const uint32_t half = size >= ((127u + 16u) << 23) ? special : size < (113u << 23) ? small : normal;
    return static_cast<uint16_t>(half | sign >> 16);
}

template <class Integer>
inline Integer to_integer(float value, float most) {
    const float scaled = value * most + 0.5f;
    const float low = scaled >= 0.0f ? scaled : 0.0f; // also NaN
    return static_cast<Integer>(low < most ? low : most);
}

void multiply(float* row, int width) {
    for (int i = 0; i < width; ++i) {
        const float alpha = row[4 * i + 3];
        for (int c = 0; c < 3; ++c) row[4 * i + c] *= alpha;
    }
}

void divide(float* row, int width) {
    for (int i = 0; i < width; ++i) {
        const float alpha = row[4 * i + 3];
        const float divisor = alpha != 0.0f ? alpha : 1.0f;
        for (int c = 0; c < 3; ++c) row[4 * i + c] /= divisor;
    }
}

// Hosts align rows to whatever they like: samples go through memcpy, which costs nothing where they are
// aligned.
template <class Sample, class Convert>
void read_samples(const void* row, size_t count, float* out, Convert convert) {
    const auto* at = static_cast<const unsigned char*>(row);
    for (size_t i = 0; i < count; ++i) {
        Sample sample;
        std::memcpy(&sample, at + i * sizeof(Sample), sizeof(Sample));
        out[i] = convert(sample);
    }
}

template <class Sample, class Convert>
void write_samples(const float* row, size_t count, void* out, Convert convert) {
    auto* at = static_cast<unsigned char*>(out);
    for (size_t i = 0; i < count; ++i) {
        const Sample sample = convert(row[i]);
        std::memcpy(at + i * sizeof(Sample), &sample, sizeof(Sample));
    }
}

} // namespace

float half_to_float(uint16_t half) { return from_half(half); }
uint16_t float_to_half(float value) { return to_half(value); }

size_t sample_bytes(Depth depth) {
    switch (depth) {
    case Depth::kByte:
        return 1;
    case Depth::kShort:
    case Depth::kHalf:
        return 2;
    case Depth::kFloat:
        break;
    }
    return 4;
}

void read_row(const void* row, Depth depth, Components components, AlphaState alpha, int width, float* out) {
    if (width <= 0) return;
    const PlainArithmetic plain;
    const size_t count = static_cast<size_t>(components) * static_cast<size_t>(width);
    switch (depth) {
    case Depth::kByte:
        read_samples<uint8_t>(row, count, out, [](uint8_t v) { return static_cast<float>(v) / 255.0f; });
        break;
    case Depth::kShort:
        read_samples<uint16_t>(row, count, out, [](uint16_t v) { return static_cast<float>(v) / 65535.0f; });
        break;
    case Depth::kHalf:
        read_samples<uint16_t>(row, count, out, from_half);
        break;
    case Depth::kFloat:
        std::memcpy(out, row, count * 4);
        break;
    }
    if (components == Components::kRGBA && alpha == AlphaState::kUnpremultiplied) multiply(out, width);
}

void write_row(const float* row, Depth depth, Components components, AlphaState alpha, int width, void* out,
               float* scratch) {
    if (width <= 0) return;
    const PlainArithmetic plain;
    const size_t count = static_cast<size_t>(components) * static_cast<size_t>(width);
    if (components == Components::kRGBA && alpha == AlphaState::kUnpremultiplied) {
        std::memcpy(scratch, row, count * 4);
        divide(scratch, width);
        row = scratch;
    }
    switch (depth) {
    case Depth::kByte:
        write_samples<uint8_t>(row, count, out, [](float v) { return to_integer<uint8_t>(v, 255.0f); });
        break;
    case Depth::kShort:
        write_samples<uint16_t>(row, count, out, [](float v) { return to_integer<uint16_t>(v, 65535.0f); });
        break;
    case Depth::kHalf:
        write_samples<uint16_t>(row, count, out, to_half);
        break;
    case Depth::kFloat:
        std::memcpy(out, row, count * 4);
        break;
    }
}

} // namespace retempo::bridge

// SUSAN smoothing on the CPU: rows are pieces. The rows of all frames that a piece sees are taken apart into
// planes with a border of values so far off that they weigh nothing; then all pixels are alike.
#include "bands.h"
#include "kernels.h"
#include "vectors.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

constexpr int kRows = 8;     // of one piece
constexpr int kPad = kLanes; // floats before and behind each row; more than any radius

// Rows of all frames as planes: [frame][row][channel][pitch], the first pixel at `kPad`.
struct Planes {
    float* data;
    int64_t pitch;
    int rows, channels;

    float* at(int frame, int row, int channel) const {
        return data + ((int64_t(frame) * rows + row) * channels + channel) * pitch + kPad;
    }
};

// Takes rows first - radius .. first + planes.rows - radius of a frame apart.
void take_apart(const Image<const float>& frame, int f, int64_t first, int radius, const Planes& planes) {
    for (int r = 0; r < planes.rows; ++r) {
        const int64_t y = first + r - radius;
        for (int c = 0; c < planes.channels; ++c) {
            float* to = planes.at(f, r, c) - kPad;
            if (y < 0 || y >= frame.h) {
                for (int64_t k = 0; k < planes.pitch; ++k) to[k] = kSusanFar;
                continue;
            }
            const float* from = frame.at(y, 0) + c;
            for (int k = 0; k < kPad; ++k) to[k] = kSusanFar;
            for (int64_t x = 0; x < frame.w; ++x) to[kPad + x] = from[x * planes.channels];
            for (int64_t k = kPad + frame.w; k < planes.pitch; ++k) to[k] = kSusanFar;
        }
    }
}

// The median of what lies around pixel x, channel c, in the centre frame; `row` is its row among the planes.
float median_around(const Planes& planes, int centre, int row, int64_t x, int c, int radius) {
    float values[(2 * kSusanRadius + 1) * (2 * kSusanRadius + 1)];
    int count = 0;
    for (int dy = -radius; dy <= radius; ++dy)
        for (int dx = -radius; dx <= radius; ++dx) {
            const float seen = planes.at(centre, row + dy, c)[x + dx];
            if ((dy || dx) && seen != kSusanFar) values[count++] = seen;
        }
    return count ? median_of(values, count) : planes.at(centre, row, c)[x];
}

template <int CHANNELS>
void smooth_row(const Susan& v, const Planes& planes, int row, const float* distances, float slope,
                int radius, float* out) {
    const auto exponential = [](floats x) { return exp_lanes(x); };
    for (int64_t x = 0; x < v.out.w; x += kLanes) {
        floats own[CHANNELS], seen[CHANNELS], sums[CHANNELS] = {}, total = {};
        for (int c = 0; c < CHANNELS; ++c) own[c] = load<floats>(planes.at(v.centre, row, c) + x);
        const float* distance = distances;
        for (int f = 0; f < v.frame_count; ++f)
            for (int dy = -radius; dy <= radius; ++dy)
                for (int dx = -radius; dx <= radius; ++dx, ++distance) {
                    if (f == v.centre && !dy && !dx) continue;
                    for (int c = 0; c < CHANNELS; ++c)
                        seen[c] = load<floats>(planes.at(f, row + dy, c) + x + dx);
                    susan_add<CHANNELS>(own, seen, slope, *distance, exponential, total, sums);
                }
        float weights[kLanes], made[CHANNELS][kLanes];
        store(weights, total);
        for (int c = 0; c < CHANNELS; ++c) store(made[c], sums[c] / total);
        const int n = static_cast<int>(smaller<int64_t>(kLanes, v.out.w - x));
        for (int k = 0; k < n; ++k)
            for (int c = 0; c < CHANNELS; ++c)
                out[(x + k) * CHANNELS + c] =
                    weights[k] > 0.0f ? made[c][k] : median_around(planes, v.centre, row, x + k, c, radius);
    }
}

void smooth(const Susan& v, const SusanOptions& options) {
    const int64_t height = v.out.h, width = v.out.w;
    const int channels = static_cast<int>(v.out.c), radius = options.radius, side = 2 * radius + 1;
    if (height == 0 || width == 0 || channels == 0) return;
    const float slope = 1.0f / (options.t * options.t * static_cast<float>(channels));
    const int64_t pitch = (width + kLanes - 1) / kLanes * kLanes + 2 * kPad;
    const int rows = kRows + 2 * radius;
    const size_t offsets = static_cast<size_t>(v.frame_count) * side * side;
    auto body = [&](int64_t piece) {
        const int64_t first = piece * kRows;
        const size_t taken = static_cast<size_t>(v.frame_count) * rows * channels * pitch;
        float* memory = static_cast<float*>(scratch(0, sizeof(float) * (taken + offsets)));
        const Planes planes{memory, pitch, rows, channels};
        float *distances = memory + taken, *next = distances;
        for (int f = 0; f < v.frame_count; ++f) {
            take_apart(v.frames[f], f, first, radius, planes);
            for (int dy = -radius; dy <= radius; ++dy)
                for (int dx = -radius; dx <= radius; ++dx) {
                    const int df = f - v.centre;
                    *next++ = static_cast<float>(df * df + dy * dy + dx * dx) /
                              (2.0f * options.sigma * options.sigma);
                }
        }
        for (int64_t y = first; y < smaller<int64_t>(first + kRows, height); ++y) {
            const int row = static_cast<int>(y - first) + radius;
            float* out = v.out.at(y, 0);
            switch (channels) {
            case 1:
                smooth_row<1>(v, planes, row, distances, slope, radius, out);
                break;
            case 2:
                smooth_row<2>(v, planes, row, distances, slope, radius, out);
                break;
            case 3:
                smooth_row<3>(v, planes, row, distances, slope, radius, out);
                break;
            default:
                smooth_row<4>(v, planes, row, distances, slope, radius, out);
            }
        }
    };
    for_pieces((height + kRows - 1) / kRows, options.threads, body);
}

} // namespace

void register_susan(Kernels& table) { table.susan = smooth; }

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

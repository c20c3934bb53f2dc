// Importance on the CPU: rows are pieces; what is gathered and what vectorises are loops of their own.
#include <atomic>
#include <cmath>

#include "kernels.h"
#include "threads.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

// Rows of one piece share the sums along x of their common neighbours.
constexpr int kRows = 16;

void sum_across(const Image<const float>& flow, int64_t y, Across* out) {
    const int64_t width = flow.w;
    const float* row = flow.at(clamped<int64_t>(y, 0, flow.h - 1), 0);
    const auto one = [&](int64_t left, int64_t x, int64_t right) {
        out[x] = across(row + 2 * left, row + 2 * x, row + 2 * right);
    };
    one(0, 0, width > 1 ? 1 : 0);
    for (int64_t x = 1; x + 1 < width; ++x) one(x - 1, x, x + 1);
    if (width > 1) one(width - 2, width - 1, width - 1);
}

bool measure(const Importance& v, const ImportanceOptions& options) {
    const int width = static_cast<int>(v.image0.w), height = static_cast<int>(v.image0.h);
    if (width == 0 || height == 0) return true;
    std::atomic<bool> finite{true};
    auto body = [&](int64_t piece) {
        const int first = static_cast<int>(piece) * kRows, last = smaller(first + kRows, height);
        Across* sums = static_cast<Across*>(scratch(0, sizeof(Across) * 3 * static_cast<size_t>(width)));
        float* photo = static_cast<float*>(scratch(1, sizeof(float) * 3 * static_cast<size_t>(width)));
        float *flow = photo + width, *variance = flow + width;
        Across* line[3] = {sums, sums + width, sums + 2 * static_cast<int64_t>(width)};
        sum_across(v.flow01, first - 1, line[0]);
        sum_across(v.flow01, first, line[1]);
        float checked = 0.0f;
        for (int y = first; y < last; ++y) {
            sum_across(v.flow01, y + 1, line[2]);
            if (v.image0.c == 3) {
                for (int x = 0; x < width; ++x)
                    compare_pixel<3>(v.image0, v.image1, v.flow01, v.flow10, x, y, photo + x, flow + x);
            } else {
                for (int x = 0; x < width; ++x)
                    compare_pixel<0>(v.image0, v.image1, v.flow01, v.flow10, x, y, photo + x, flow + x);
            }
            for (int x = 0; x < width; ++x)
                variance[x] = deviation_squared(line[0][x], line[1][x], line[2][x]);
            float *splat = v.splat.at(y, 0), *merge = v.merge.at(y, 0);
            float zero = 0.0f;
            for (int x = 0; x < width; ++x) {
                const float f = std::sqrt(flow[x]), s = std::sqrt(variance[x]);
                splat[x] = metric_of(options.splat, photo[x], f, s) * options.temperature;
                merge[x] = metric_of(options.merge, photo[x], f, s);
                zero += (photo[x] + f + s) * 0.0f; // NaN as soon as one of them is not finite
            }
            checked += zero;
            Across* above = line[0];
            line[0] = line[1];
            line[1] = line[2];
            line[2] = above;
        }
        if (!(checked == 0.0f)) finite.store(false, std::memory_order_relaxed);
    };
    for_pieces((height + kRows - 1) / kRows, options.threads, body);
    return finite.load();
}

} // namespace

void register_importance(Kernels& table) { table.importance = measure; }

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

// Importance on the CPU: rows are pieces. Pixels are compared in segments: where they lead is found lane by
// lane, then four pixels at a time fetch the other picture and flow; what vectorises by itself are loops of
// their own.
#include <atomic>

#include "bands.h"
#include "kernels.h"
#include "vectors.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

constexpr int kRows = 16; // rows of one piece share the sums along x of their common neighbours

// The flow of one row, smoothed along x.
struct Line {
    float *variance, *mean_x, *mean_y; // [W]
};

void smooth_line(const Image<const float>& flow, int64_t y, float* dx, float* dy, const Line& out) {
    const int64_t width = flow.w;
    const float* row = flow.at(clamped<int64_t>(y, 0, flow.h - 1), 0);
    int64_t x = 0;
    for (; x + kLanes <= width; x += kLanes) {
        floats even, odd;
        unzip(load<floats>(row + 2 * x), load<floats>(row + 2 * x + kLanes), even, odd);
        store(dx + x, even);
        store(dy + x, odd);
    }
    for (; x < width; ++x) {
        dx[x] = row[2 * x];
        dy[x] = row[2 * x + 1];
    }
    dx[-1] = dx[0]; // edges repeat
    dy[-1] = dy[0];
    dx[width] = dx[width - 1];
    dy[width] = dy[width - 1];
    for (int64_t k = 0; k < width; k += kLanes) { // the last lanes may be of no pixel
        floats x[3], y[3];
        for (int j = 0; j < 3; ++j) {
            x[j] = load<floats>(dx + k + j - 1);
            y[j] = load<floats>(dy + k + j - 1);
        }
        store(out.variance + k, variance_of(x[0], x[1], x[2]) + variance_of(y[0], y[1], y[2]));
        store(out.mean_x + k, mean_of(x[0], x[1], x[2]));
        store(out.mean_y + k, mean_of(y[0], y[1], y[2]));
    }
}

// Where kSegment pixels of a row lead.
struct Corners {
    alignas(64) int at[kSegment]; // y W + x of the upper left corner, or -1: not all four corners exist, or
                                  // one more float behind each of them
    alignas(64) float dx[kSegment], dy[kSegment], w00[kSegment], w01[kSegment], w10[kSegment], w11[kSegment];
};

RT_HD void find_corners(Corners& c, const float* flow, int x0, int y, int width, int height) {
    for (int k = 0; k < kSegment; k += kLanes) {
        floats dx, dy, fx, fy;
        ints column, row;
        unzip(load<floats>(flow + 2 * k), load<floats>(flow + 2 * k + kLanes), dx, dy);
        split_lanes(dx, column, fx);
        split_lanes(dy, row, fy);
        const ints own = lane_numbers() + (x0 + k);
        column += own;
        row += y;
        const floats gx = 1.0f - fx, gy = 1.0f - fy;
        store(c.dx + k, dx);
        store(c.dy + k, dy);
        const ints plain =
            (column >= 0) & (column < width - 2) & (row >= 0) & (row < height - 1) & (own < width - 1);
        store(c.at + k, plain ? (plain & row) * width + column : splat_of<ints>(-1));
        store(c.w00 + k, gx * gy);
        store(c.w01 + k, fx * gy);
        store(c.w10 + k, gx * fy);
        store(c.w11 + k, fx * fy);
    }
}

// rows[j][k] <-> rows[k][j]
RT_HD void transpose(float4 (&rows)[4]) {
#if defined(__SSE2__)
    __m128 a = (__m128)rows[0], b = (__m128)rows[1], c = (__m128)rows[2], d = (__m128)rows[3];
    _MM_TRANSPOSE4_PS(a, b, c, d);
    rows[0] = (float4)a;
    rows[1] = (float4)b;
    rows[2] = (float4)c;
    rows[3] = (float4)d;
#else
    for (int j = 0; j < 4; ++j)
        for (int k = 0; k < j; ++k) {
            const float v = rows[j][k];
            rows[j][k] = rows[k][j];
            rows[k][j] = v;
        }
#endif
}

// compare_pixel<3> (importance.h) of four plain pixels from k on: the same operations in the same order.
RT_HD void compare_four(const Importance& v, const Corners& c, int k, const float* own, float* photo,
                        float* flow_squared) {
    const int64_t image_row = v.image1.row, flow_row = v.flow10.row;
    const float *image = v.image1.data, *flow = v.flow10.data;
    float4 difference[4], top[4], bottom[4];
    for (int j = 0; j < 4; ++j) {
        const int i = k + j;
        const int64_t at = c.at[i];
        const float *p = image + 3 * at, *q = p + image_row;
        const float4 seen = load<float4>(p) * c.w00[i] + load<float4>(p + 3) * c.w01[i] +
                            (load<float4>(q) * c.w10[i] + load<float4>(q + 3) * c.w11[i]);
        difference[j] = load<float4>(own + 3 * j) - seen;
        top[j] = load<float4>(flow + 2 * at); // two vectors
        bottom[j] = load<float4>(flow + 2 * at + flow_row);
    }
    transpose(difference);
    float4 total = {};
    for (int i = 0; i < 3; ++i) total += difference[i] < 0.0f ? -difference[i] : difference[i];
    store(photo + k, total * (1.0f / 3.0f));
    transpose(top);
    transpose(bottom);
    const float4 w00 = load<float4>(c.w00 + k), w01 = load<float4>(c.w01 + k), w10 = load<float4>(c.w10 + k),
                 w11 = load<float4>(c.w11 + k);
    const float4 rx =
        load<float4>(c.dx + k) + (top[0] * w00 + top[2] * w01 + (bottom[0] * w10 + bottom[2] * w11));
    const float4 ry =
        load<float4>(c.dy + k) + (top[1] * w00 + top[3] * w01 + (bottom[1] * w10 + bottom[3] * w11));
    store(flow_squared + k, rx * rx + ry * ry);
}

// psi_photo and the squared psi_flow of row y; both have room for whole segments.
void compare_row(const Importance& v, int y, float* photo, float* flow_squared) {
    const int width = static_cast<int>(v.image0.w), height = static_cast<int>(v.image0.h);
    if (v.image0.c != 3 || int64_t(width) * height >= int64_t(1) << 31) {
        for (int x = 0; x < width; ++x)
            compare_pixel<0>(v.image0, v.image1, v.flow01, v.flow10, x, y, photo + x, flow_squared + x);
        return;
    }
    Corners c;
    float padded[2 * kSegment];
    for (int x0 = 0; x0 < width; x0 += kSegment) {
        const int n = smaller(kSegment, width - x0);
        const float* flow = v.flow01.at(y, x0);
        if (n < kSegment) { // the end of a row: never read beyond it
            memset(padded, 0, sizeof padded);
            memcpy(padded, flow, sizeof(float) * 2 * n);
            flow = padded;
        }
        find_corners(c, flow, x0, y, width, height);
        for (int k = 0; k < n; k += 4) {
            if ((c.at[k] | c.at[k + 1] | c.at[k + 2] | c.at[k + 3]) >= 0) {
                compare_four(v, c, k, v.image0.at(y, x0 + k), photo + x0, flow_squared + x0);
                continue;
            }
            for (int j = k; j < smaller(k + 4, n); ++j)
                compare_pixel<3>(v.image0, v.image1, v.flow01, v.flow10, x0 + j, y, photo + x0 + j,
                                 flow_squared + x0 + j);
        }
    }
}

// The finished metrics of one row; returns 0, or NaN where something is not finite.
template <bool Same>
float weigh_row(const ImportanceOptions& options, const Line (&line)[3], const float* photo,
                const float* flow, int width, float* splat, float* merge) {
    floats checked = {};
    for (int x = 0; x < width; x += kLanes) {
        floats variance[3], mean_x[3], mean_y[3];
        for (int j = 0; j < 3; ++j) {
            variance[j] = load<floats>(line[j].variance + x);
            mean_x[j] = load<floats>(line[j].mean_x + x);
            mean_y[j] = load<floats>(line[j].mean_y + x);
        }
        const floats p = load<floats>(photo + x), f = sqrt_lanes(load<floats>(flow + x)),
                     s = sqrt_lanes(deviation_squared(variance, mean_x, mean_y));
        const floats trust = metric_of(options.merge, p, f, s);
        const floats depth = (Same ? trust : metric_of(options.splat, p, f, s)) * options.temperature;
        const floats zero = (p + f + s) * 0.0f; // NaN as soon as one of them is not finite
        const int n = width - x;
        if (n >= kLanes) {
            store(splat + x, depth);
            store(merge + x, trust);
            checked += zero;
        } else {
            memcpy(splat + x, &depth, sizeof(float) * n);
            memcpy(merge + x, &trust, sizeof(float) * n);
            checked += lane_numbers() < n ? zero : floats{};
        }
    }
    float sum = 0.0f;
    for (int k = 0; k < kLanes; ++k) sum += checked[k];
    return sum;
}

bool measure(const Importance& v, const ImportanceOptions& options) {
    const int width = static_cast<int>(v.image0.w), height = static_cast<int>(v.image0.h);
    if (width == 0 || height == 0) return true;
    const bool same = memcmp(options.splat, options.merge, sizeof options.splat) == 0;
    const size_t pitch = (static_cast<size_t>(width) / kSegment + 2) * kSegment;
    std::atomic<bool> finite{true};
    auto body = [&](int64_t piece) {
        const int first = static_cast<int>(piece) * kRows, last = smaller(first + kRows, height);
        float* plane = static_cast<float*>(scratch(0, sizeof(float) * 13 * pitch));
        const auto next = [&] { return plane += pitch; };
        float *photo = plane, *flow = next(), *dx = next() + 1, *dy = next() + 1;
        Line line[3];
        for (Line& one : line) {
            one.variance = next();
            one.mean_x = next();
            one.mean_y = next();
        }
        smooth_line(v.flow01, first - 1, dx, dy, line[0]);
        smooth_line(v.flow01, first, dx, dy, line[1]);
        float checked = 0.0f;
        for (int y = first; y < last; ++y) {
            smooth_line(v.flow01, y + 1, dx, dy, line[2]);
            compare_row(v, y, photo, flow);
            checked += (same ? weigh_row<true> : weigh_row<false>)(options, line, photo, flow, width,
                                                                   v.splat.at(y, 0), v.merge.at(y, 0));
            const Line above = line[0];
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

// Do the deterministic CUDA bodies compute what the scattering bodies compute? Run on the CPU, no GPU needed.
//
// Lists are built here as landing_lists.cu builds them (count, scan, fill, sort), but filled in a shuffled
// order, as atomics would. Exits with 1 and a line a failure.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "splat_gather.h"
#include "synthesize_gather.h"
#include "warp_gather.h"

using namespace retempo;
using namespace retempo::cuda;

namespace {

int failures = 0;

void expect(bool right, const char* what, double value = 0) {
    if (right) return;
    ++failures;
    std::printf("FAILED %s (%g)\n", what, value);
}

std::mt19937 random_source(1234);

float uniform(float low, float high) {
    return std::uniform_real_distribution<float>(low, high)(random_source);
}

void bitonic_sort(uint32_t* list, uint64_t length) {
    for (uint64_t run = 2; run / 2 < length; run *= 2) {
        const uint64_t pairs = pairs_in(length, run);
        for (uint64_t i = 0; i < pairs; ++i) put_in_order(list, mirrored_pair(i, run), length);
        for (uint64_t gap = run / 4; gap > 0; gap /= 2)
            for (uint64_t i = 0; i < pairs; ++i) put_in_order(list, gap_pair(i, gap), length);
    }
}

void check_sort() {
    for (uint64_t length = 0; length < 300; ++length) {
        std::vector<uint32_t> list(length);
        for (auto& value : list) value = random_source();
        std::vector<uint32_t> expected = list;
        std::sort(expected.begin(), expected.end());
        bitonic_sort(list.data(), length);
        expect(list == expected, "bitonic sort of length", static_cast<double>(length));
    }
}

struct Lists {
    std::vector<uint32_t> first, source;
    LandingLists view{};
};

// floor_of(y, x, &floor_y, &floor_x) for one sample.
template <class Floor>
void build(Lists& lists, int height, int width, int target_height, int target_width, TapSpan span, bool held,
           Floor floor_of) {
    lists.view.span = span;
    lists.view.cells_x = target_width + span.hi - span.lo;
    lists.view.cells_y = target_height + span.hi - span.lo;
    const size_t cells = static_cast<size_t>(lists.view.cells_x) * lists.view.cells_y;
    std::vector<std::vector<uint32_t>> runs(cells);
    std::vector<uint32_t> order(static_cast<size_t>(height) * width);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) order[static_cast<size_t>(y) * width + x] = pack(y, x);
    std::shuffle(order.begin(), order.end(), random_source);
    for (uint32_t packed : order) {
        int floor_y, floor_x;
        floor_of(packed >> 16, packed & 0xffff, &floor_y, &floor_x);
        const int64_t cell = landing_cell(0, floor_y, floor_x, lists.view, held);
        expect(cell < static_cast<int64_t>(cells), "cell in range");
        if (cell >= 0) runs[static_cast<size_t>(cell)].push_back(packed);
    }
    lists.first.assign(1, 0);
    for (auto& run : runs) {
        bitonic_sort(run.data(), run.size());
        lists.source.insert(lists.source.end(), run.begin(), run.end());
        lists.first.push_back(static_cast<uint32_t>(lists.source.size()));
    }
    lists.view.first = lists.first.data();
    lists.view.source = lists.source.data();
}

double close_to(double a, double b) { return std::fabs(a - b) / std::max(1.0, std::fabs(b)); }

// The scatter in double, on the shared bodies.
struct DoubleSink {
    std::vector<double>& sums;
    std::vector<float>& maxima;
    const float* values;
    int channels, width;
    void raise(int y, int x, float z) const {
        float& m = maxima[static_cast<size_t>(y) * width + x];
        m = std::max(m, z);
    }
    float zmax(int y, int x) const { return maxima[static_cast<size_t>(y) * width + x]; }
    void add(int y, int x, float w) const {
        double* sum = sums.data() + (static_cast<size_t>(y) * width + x) * (channels + 1);
        for (int c = 0; c < channels; ++c) sum[c] += static_cast<double>(w) * values[c];
        sum[channels] += w;
    }
    void add(int y, int x, float w, float fx, float fy, float m) const {
        double* sum = sums.data() + (static_cast<size_t>(y) * width + x) * 4;
        sum[0] += static_cast<double>(w) * fx;
        sum[1] += static_cast<double>(w) * fy;
        sum[2] += static_cast<double>(w) * m;
        sum[3] += w;
    }
};

template <class F>
void check_splat(const F& footprint, Mode mode, int height, int width, int channels, float spread) {
    const int64_t pixels = static_cast<int64_t>(height) * width;
    std::vector<float> payload(pixels * channels), flow(pixels * 2), metric(pixels);
    for (auto& v : payload) v = uniform(-3, 3);
    for (auto& v : flow) v = uniform(-spread, spread);
    for (auto& v : metric) v = uniform(0.1f, 5);
    if (pixels > 4) metric[3] = NAN;
    std::vector<float> out(pixels * channels, -77), norm(pixels, -77), zmax(pixels, -77),
        coverage(pixels, -77);
    SplatForward<float> a;
    a.payload = planar<const float>(payload.data(), 1, channels, height, width);
    a.flow = planar<const float>(flow.data(), 1, 2, height, width);
    a.metric = planar<const float>(metric.data(), 1, 1, height, width);
    a.out = planar(out.data(), 1, channels, height, width);
    a.norm = planar(norm.data(), 1, 1, height, width);
    a.zmax = planar(zmax.data(), 1, 1, height, width);
    a.coverage = planar(coverage.data(), 1, 1, height, width);
    Lists lists;
    build(lists, height, width, height, width, TapSpan{-F::before, F::count - 1 - F::before}, false,
          [&](int y, int x, int* fy, int* fx) {
              *fx = x + split(a.flow(0, 0, y, x)).cell;
              *fy = y + split(a.flow(0, 1, y, x)).cell;
          });
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) gather_pixel(footprint, mode, a, lists.view, 0, 0, y, x);

    std::vector<double> sums(pixels * (channels + 1), 0.0), covers(pixels * 2, 0.0);
    std::vector<float> maxima(pixels, -INFINITY), values(channels);
    const Rows rows{0, height};
    const float one = 1;
    for (int pass = 0; pass < 2; ++pass)
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) {
                for (int c = 0; c < channels; ++c) values[c] = a.payload(0, c, y, x);
                const DoubleSink sink{sums, maxima, values.data(), channels, width};
                const float dx = a.flow(0, 0, y, x), dy = a.flow(0, 1, y, x), z = a.metric(0, 0, y, x);
                if (pass == 0) {
                    if (mode == Mode::softmax) raise_maximum(footprint, x, y, dx, dy, z, rows, width, sink);
                    continue;
                }
                splat_pixel(footprint, mode, x, y, dx, dy, z, rows, width, sink);
                cover_pixel(x, y, dx, dy, rows, width, DoubleSink{covers, maxima, &one, 1, width});
            }
    for (int64_t p = 0; p < pixels; ++p) {
        const double total = sums[p * (channels + 1) + channels];
        expect((total == 0) == (norm[p] == 0), "hole", static_cast<double>(p));
        expect(close_to(coverage[p], covers[p * 2]) < 1e-5, "coverage", coverage[p] - covers[p * 2]);
        if (mode == Mode::softmax) expect(zmax[p] == maxima[p], "zmax", zmax[p] - maxima[p]);
        for (int c = 0; c < channels; ++c) {
            const double sum = sums[p * (channels + 1) + c];
            const double expected = total == 0 ? 0 : (mode == Mode::sum ? sum : sum / total);
            expect(close_to(out[c * pixels + p], expected) < 1e-5, "out", out[c * pixels + p] - expected);
        }
    }
}

template <class Fl>
void check_image_gradient(const Fl& filter, Border border, int height, int width, int image_h, int image_w,
                          float spread) {
    const int channels = 9;
    const int64_t samples = static_cast<int64_t>(height) * width,
                  pixels = static_cast<int64_t>(image_h) * image_w;
    std::vector<float> flow(samples * 2), grad_out(samples * channels), grad(pixels * channels, -77);
    for (auto& v : flow) v = uniform(-spread, spread);
    for (auto& v : grad_out) v = uniform(-1, 1);
    flow[0] = 0;
    WarpBackward<float> v;
    v.grad_out = planar<const float>(grad_out.data(), 1, channels, height, width);
    v.flow = planar<const float>(flow.data(), 1, 2, height, width);
    v.grad_image = planar(grad.data(), 1, channels, image_h, image_w);
    Lists lists;
    build(lists, height, width, image_h, image_w, span_of(filter), border == Border::edge,
          [&](int y, int x, int* fy, int* fx) {
              *fx = x + split(v.flow(0, 0, y, x)).cell;
              *fy = y + split(v.flow(0, 1, y, x)).cell;
          });
    for (int y = 0; y < image_h; ++y)
        for (int x = 0; x < image_w; ++x) gather_image_gradient(filter, border, v, lists.view, 0, 0, y, x);

    std::vector<double> sums(pixels * (channels + 1), 0.0);
    std::vector<float> maxima, values(channels);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c) values[c] = v.grad_out(0, c, y, x);
            warp_backward_image(filter, border, image_w, image_h, x, y, v.flow(0, 0, y, x),
                                v.flow(0, 1, y, x), 0, image_h,
                                DoubleSink{sums, maxima, values.data(), channels, image_w});
        }
    for (int64_t p = 0; p < pixels; ++p)
        for (int c = 0; c < channels; ++c)
            expect(close_to(grad[c * pixels + p], sums[p * (channels + 1) + c]) < 2e-5, "grad_image",
                   grad[c * pixels + p] - sums[p * (channels + 1) + c]);
}

template <class F>
void check_candidate(const F& footprint, float bound, int frame_height, int width, float spread) {
    const int row0 = 4, rows = frame_height - 7; // sources are a strip
    const int64_t pixels = static_cast<int64_t>(rows) * width;
    std::vector<float> flow(pixels * 2), splat(pixels), merge(pixels);
    for (auto& v : flow) v = uniform(-spread, spread);
    for (auto& v : splat) v = uniform(-10, 10);
    for (auto& v : merge) v = uniform(0, 3);
    splat[5] = NAN;
    Candidate candidate;
    candidate.flow = channel_last<const float>(flow.data(), rows, width, 2);
    candidate.splat = channel_last<const float>(splat.data(), rows, width, 1);
    candidate.merge = channel_last<const float>(merge.data(), rows, width, 1);
    candidate.scale = 0.4f;
    candidate.weight = 0.6f;
    SynthesisOptions options;
    options.metric_bound = bound;
    options.coverage_gate = true;
    const Strip strip{frame_height, row0, rows, row0 + 2, rows - 3, width};
    Lists lists;
    build(lists, rows, width, strip.out_rows, width, TapSpan{-F::before, F::count - 1 - F::before}, false,
          [&](int y, int x, int* fy, int* fx) {
              const Contribution q = contribution(candidate, x, y);
              *fx = x + split(q.dx).cell;
              *fy = y + strip.source_row0 - strip.out_row0 + split(q.dy).cell;
          });
    const int64_t frame_pixels = static_cast<int64_t>(frame_height) * width;
    std::vector<double> sums(frame_pixels * 4, 0.0), covers(frame_pixels * 2, 0.0);
    std::vector<float> maxima(frame_pixels, -INFINITY);
    const Rows targets{strip.out_row0, strip.out_row0 + strip.out_rows};
    const float one = 1;
    const DoubleSink sink{sums, maxima, &one, 3, width};
    for (int pass = 0; pass < 2; ++pass)
        for (int local = 0; local < rows; ++local)
            for (int x = 0; x < width; ++x) {
                const int y = local + row0;
                if (pass == 0) {
                    raise_candidate(footprint, candidate, strip, targets, x, y, sink);
                    continue;
                }
                splat_candidate(footprint, candidate, strip, skips_maximum(bound), targets, x, y, sink);
                const Contribution q = contribution(candidate, x, local);
                if (q.alive)
                    cover_pixel(x, y, q.dx, q.dy, targets, width, DoubleSink{covers, maxima, &one, 1, width});
            }
    for (int y = targets.first; y < targets.last; ++y)
        for (int x = 0; x < width; ++x) {
            const int64_t p = static_cast<int64_t>(y) * width + x;
            const Resolved own = gather_candidate(footprint, options, candidate, strip, lists.view, 0, x, y);
            const Resolved expected = resolve(options, candidate, strip, sums.data() + p * 4,
                                              Payload{0, 0, 0}, static_cast<float>(covers[p * 2]), x, y);
            expect(own.is_hole == expected.is_hole, "candidate hole", static_cast<double>(p));
            if (own.is_hole || own.is_inside != expected.is_inside) continue;
            expect(close_to(own.weight, expected.weight) < 1e-5, "candidate weight",
                   own.weight - expected.weight);
            const double ax = own.at.cell_x + double(own.at.fraction_x),
                         ay = own.at.cell_y + double(own.at.fraction_y);
            const double bx = expected.at.cell_x + double(expected.at.fraction_x);
            const double by = expected.at.cell_y + double(expected.at.fraction_y);
            expect(std::fabs(ax - bx) + std::fabs(ay - by) < 1e-4, "candidate position", ax - bx + ay - by);
        }
}

} // namespace

int main() {
    check_sort();
    for (float spread : {0.0f, 0.8f, 4.0f, 200.0f})
        for (Mode mode : {Mode::sum, Mode::average, Mode::linear, Mode::softmax}) {
            check_splat(Bilinear{}, mode, 13, 17, 10, spread);
            check_splat(Gaussian{0.6}, mode, 13, 17, 3, spread);
            check_splat(Gaussian{0.6}, mode, 1, 1, 1, spread);
        }
    for (float spread : {0.0f, 0.8f, 6.0f, 300.0f})
        for (Border border : {Border::edge, Border::zero}) {
            check_image_gradient(BilinearFilter{}, border, 12, 15, 12, 15, spread);
            check_image_gradient(BicubicFilter{}, border, 12, 15, 9, 21, spread);
            check_image_gradient(BicubicFilter{}, border, 3, 2, 1, 2, spread);
            check_image_gradient(Lanczos4Filter{}, border, 12, 15, 9, 21, spread);
            check_image_gradient(NearestFilter{}, border, 8, 5, 12, 15, spread);
            check_image_gradient(Lanczos4Filter{}, border, 3, 3, 1, 2, spread);
        }
    for (float bound : {0.0f, 10.0f})
        for (float spread : {0.0f, 3.0f, 50.0f}) {
            check_candidate(Bilinear{}, bound, 24, 19, spread);
            check_candidate(Gaussian{0.5}, bound, 24, 19, spread);
        }
    if (failures == 0) std::printf("ok\n");
    return failures == 0 ? 0 : 1;
}

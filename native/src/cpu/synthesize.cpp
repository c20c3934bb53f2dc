// The fused inference path on the CPU: per band of target rows, every candidate is splatted, then all are blended.
#include "bands.h"
#include "kernels.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

struct PlainSink {
    double* sums;   // [rows, W, 4]
    float* maximum; // [rows, W]
    double* cover;
    int row0, width;
    RT_HD int64_t index(int y, int x) const { return static_cast<int64_t>(y - row0) * width + x; }
    RT_HD void raise(int y, int x, float z) const {
        float& m = maximum[index(y, x)];
        if (z > m) m = z;
    }
    RT_HD float zmax(int y, int x) const { return maximum[index(y, x)]; }
    RT_HD void add(int y, int x, float w, float fx, float fy, float m) const {
        double* s = sums + index(y, x) * 4;
        const double v = w;
        s[0] += v * fx;
        s[1] += v * fy;
        s[2] += v * m;
        s[3] += v;
    }
    RT_HD void add(int y, int x, float b) const { cover[index(y, x)] += b; }
};

template <class F>
void run(const Synthesis& v, const SynthesisOptions& options, const F& footprint) {
    const Strip strip = v.strip;
    const int width = strip.width, count = v.candidate_count;
    if (width == 0 || strip.out_rows == 0) return;
    const int segments = (width + kSegment - 1) / kSegment;
    const bool bounded = skips_maximum(options.metric_bound);

    RowRange* ranges = static_cast<RowRange*>(scratch(0, sizeof(RowRange) * static_cast<size_t>(count) * strip.source_rows * segments));
    auto measure = [&](int64_t line) {
        const Candidate& c = v.candidates[line / strip.source_rows];
        const int local = static_cast<int>(line % strip.source_rows);
        for (int s = 0; s < segments; ++s) {
            const int x0 = s * kSegment;
            ranges[line * segments + s] = reach(smaller(kSegment, width - x0), local + strip.source_row0, 1, 2,
                                                [&](int i) { return c.scale * c.flow.at(local, x0 + i)[1]; });
        }
    };
    for_pieces(int64_t(count) * strip.source_rows, options.threads, measure);

    const int band = 16;
    const int bands = (strip.out_rows + band - 1) / band;
    auto body = [&](int64_t piece) {
        const int first = strip.out_row0 + static_cast<int>(piece) * band;
        const Rows rows{first, smaller(first + band, strip.out_row0 + strip.out_rows)};
        const int64_t pixels = int64_t(rows.last - rows.first) * width;
        double* all = static_cast<double*>(scratch(1, sizeof(double) * pixels * 4 * count));
        float* maximum = static_cast<float*>(scratch(2, sizeof(float) * pixels));
        double* covers = static_cast<double*>(scratch(3, sizeof(double) * pixels * count));
        for (int i = 0; i < count; ++i) {
            const Candidate& candidate = v.candidates[i];
            if (candidate.weight == 0.0f) continue;
            const PlainSink sink{all + int64_t(i) * pixels * 4, maximum, covers + int64_t(i) * pixels, rows.first, width};
            for (int64_t k = 0; k < pixels * 4; ++k) sink.sums[k] = 0.0;
            for (int64_t k = 0; k < pixels; ++k) sink.cover[k] = 0.0;
            for (int64_t k = 0; k < pixels; ++k) maximum[k] = -__builtin_inff();
            for (int pass = bounded ? 1 : 0; pass < 2; ++pass)
                for (int local = 0; local < strip.source_rows; ++local)
                    for (int s = 0; s < segments; ++s) {
                        const RowRange range = ranges[(int64_t(i) * strip.source_rows + local) * segments + s];
                        if (range.first >= rows.last || range.last < rows.first) continue;
                        const int end = smaller(width, (s + 1) * kSegment), y = local + strip.source_row0;
                        for (int x = s * kSegment; x < end; ++x) {
                            if (pass == 0) {
                                raise_candidate(footprint, candidate, strip, rows, x, y, sink);
                                continue;
                            }
                            splat_candidate(footprint, candidate, strip, bounded, rows, x, y, sink);
                            if (options.coverage_gate) {
                                const Contribution q = contribution(candidate, x, local);
                                if (q.alive) cover_pixel(x, y, q.dx, q.dy, rows, width, sink);
                            }
                        }
                    }
        }
        for (int y = rows.first; y < rows.last; ++y)
            for (int x = 0; x < width; ++x) {
                const int64_t k = int64_t(y - rows.first) * width + x;
                const int row = y - strip.out_row0;
                float weight_sum;
                const int hole = synthesize_target(
                    options, strip, v.frames, v.ids, v.candidates, count, x, y,
                    [&](int i) {
                        return resolve(options, v.candidates[i], strip, all + (int64_t(i) * pixels + k) * 4, Payload{0, 0, 0},
                                       static_cast<float>(covers[int64_t(i) * pixels + k]), x, y);
                    },
                    v.out.at(row, x), v.ids_out ? v.ids_out.at(row, x) : nullptr, &weight_sum);
                if (v.hole) *v.hole.at(row, x) = static_cast<uint8_t>(hole);
                if (v.weight_sum) *v.weight_sum.at(row, x) = weight_sum;
            }
    };
    for_pieces(bands, options.threads, body);
}

void synthesize_any(const Synthesis& v, const SynthesisOptions& options) {
    if (options.footprint == FootprintKind::bilinear) run(v, options, Bilinear{});
    else run(v, options, Gaussian{options.sigma});
}

} // namespace

void register_synthesize(Kernels& table) { table.synthesize = synthesize_any; }

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

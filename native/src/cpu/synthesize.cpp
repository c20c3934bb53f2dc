// The fused inference path on the CPU. The maths is that of synthesize.h, in the shape the hardware likes.
//
// A *chunk* of target rows belongs to one thread. It rolls downwards in blocks: source rows are splatted, in order, until no
// later one can reach the block; then the block's targets are resolved and blended into the output and their sums are
// forgotten. The sums of the rows in flight live in a ring, so nothing of the size of a frame exists, and source pixels are
// splatted once (but for the few rows that two chunks share). Flows that would need too large a ring, and the maximum pass,
// run in narrow bands instead. A target always sums its contributions in source scan order: the bits depend on none of this.
#include "bands.h"
#include "kernels.h"
#include "vectors.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

constexpr int kBlock = 4;                             // target rows resolved together
constexpr int kBand = 16;                             // rows of a chunk that cannot roll
constexpr int64_t kRingBytes = int64_t(3) << 20;      // per candidate
constexpr int kNowhere = -(1 << 28);

// Scratch slots of the thread that calls, and of the threads that work.
enum Slot { kRanges, kSums, kMaximum, kCover, kTotal, kBest, kRecords, kRingIndex };

// What the splat loop needs of kSegment source pixels, as arrays.
template <int N>
struct Prepared {
    alignas(64) double wx[N][kSegment], wy[N][kSegment]; // footprint weights; wy carries the softmax weight if bounded
    alignas(64) float payload[kSegment][4];              // -s F, M, 1
    alignas(64) int col[kSegment], row[kSegment];        // first tap; kNowhere: contributes nothing
    alignas(64) float fx[kSegment], fy[kSegment], z[kSegment];
};

template <int N>
RT_HD void weigh_axis(double (&weight)[N][kSegment], int i, const Bilinear&, float16 fraction, float16 factor) {
    store_doubles(&weight[0][i], (1.0f - fraction) * factor);
    store_doubles(&weight[1][i], fraction * factor);
}

template <int N>
RT_HD void weigh_axis(double (&weight)[N][kSegment], int i, const Gaussian& footprint, float16 fraction, float16 factor) {
    const float half = static_cast<float>(-0.5 / (footprint.sigma * footprint.sigma));
    for (int k = 0; k < N; ++k) {
        const float16 u = static_cast<float>(k - 1) - fraction;
        const float16 g = exp_lanes(u * u * half);
        store_doubles(&weight[k][i], (u < 2.0f ? g : float16{}) * factor);
    }
}

template <class F>
void prepare_segment(Prepared<F::count>& p, const F& footprint, const Candidate& candidate, bool bounded, int x0, int y,
                     int local_y, int count) {
    const float* flow = candidate.flow.at(local_y, x0);
    const float* z = candidate.splat.at(local_y, x0);
    const float* m = candidate.merge.at(local_y, x0);
    alignas(64) float padded[4 * kSegment];
    if (count < kSegment) { // the end of a row: never read beyond it
        memset(padded, 0, sizeof padded);
        memcpy(padded, flow, sizeof(float) * 2 * count);
        memcpy(padded + 2 * kSegment, z, sizeof(float) * count);
        memcpy(padded + 3 * kSegment, m, sizeof(float) * count);
        flow = padded;
        z = padded + 2 * kSegment;
        m = padded + 3 * kSegment;
    }
    const int16v lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    for (int i = 0; i < kSegment; i += 16) {
        float16 dx, dy, fx, fy;
        int16v col, row;
        take_pairs(flow + 2 * i, dx, dy);
        dx *= candidate.scale;
        dy *= candidate.scale;
        split_lanes(dx, col, fx);
        split_lanes(dy, row, fy);
        const float16 depth = load<float16>(z + i);
        float16 trust = load<float16>(m + i);
        trust = (trust > 0.0f) & (trust - trust == 0.0f) ? trust : float16{};
        const int16v alive = depth - depth == 0.0f;
        store(p.col + i, col + lane + (x0 + i - F::before));
        store(p.row + i, alive ? row + (y - F::before) : splat_of<int16v>(kNowhere));
        store(p.fx + i, fx);
        store(p.fy + i, fy);
        store(p.z + i, depth);
        const float16 one = splat_of<float16>(1.0f);
        weigh_axis(p.wx, i, footprint, fx, one);
        weigh_axis(p.wy, i, footprint, fy, bounded ? exp_lanes(clamp_lanes(depth, -kSafeMetricBound, kSafeMetricBound)) : one);
        float16 a, b, c, d, e[4];
        put_pairs(-dx, trust, a, b); // x m x m ...
        put_pairs(-dy, one, c, d);   // y 1 y 1 ...
        put_pairs(a, c, e[0], e[1]); // x y m 1 ...
        put_pairs(b, d, e[2], e[3]);
        store(p.payload[i], e);
    }
}

// The rows in flight of one candidate: target row y lives in slot[y - row0] of the ring.
struct Ring {
    double* sums;  // [slots, W, 4]
    double* cover; // [slots, W] or null
    float* maximum;
    const int* slot;
    int row0, width;
    RT_HD int64_t index(int y, int x) const { return int64_t(slot[y - row0]) * width + x; }
    RT_HD void raise(int y, int x, float z) const {
        float& m = maximum[index(y, x)];
        if (z > m) m = z;
    }
};

template <int N>
void add_segment(const Prepared<N>& p, const Ring& ring, Rows rows, bool bounded, int count) {
    const unsigned last_col = static_cast<unsigned>(ring.width - N), last_row = static_cast<unsigned>(rows.last - rows.first - N);
    const bool fits = ring.width >= N && rows.last - rows.first >= N;
    for (int i = 0; i < count; ++i) {
        const int col = p.col[i], row = p.row[i];
        if (bounded && fits && static_cast<unsigned>(col) <= last_col && static_cast<unsigned>(row - rows.first) <= last_row) {
            const double4 payload = __builtin_convertvector(load<float4>(p.payload[i]), double4);
            for (int ky = 0; ky < N; ++ky) {
                const double4 line = payload * splat_of<double4>(p.wy[ky][i]);
                double* s = ring.sums + ring.index(row + ky, col) * 4;
                for (int kx = 0; kx < N; ++kx)
                    store(s + 4 * kx, load<double4>(s + 4 * kx) + line * splat_of<double4>(p.wx[kx][i]));
            }
            continue;
        }
        if (row < rows.first - N) continue;
        for (int ky = 0; ky < N; ++ky) {
            if (row + ky < rows.first || row + ky >= rows.last) continue;
            const double4 line = __builtin_convertvector(load<float4>(p.payload[i]), double4) * splat_of<double4>(p.wy[ky][i]);
            for (int kx = 0; kx < N; ++kx) {
                if (col + kx < 0 || col + kx >= ring.width) continue;
                const int64_t at = ring.index(row + ky, col + kx);
                double w = p.wx[kx][i];
                if (!bounded) {
                    if (w * p.wy[ky][i] == 0.0) continue;
                    w *= static_cast<double>(exp_of(p.z[i] - ring.maximum[at]));
                }
                double* s = ring.sums + at * 4;
                store(s, load<double4>(s) + line * splat_of<double4>(w));
            }
        }
    }
}

template <int N>
void raise_segment(const Prepared<N>& p, const Ring& ring, Rows rows, int count) {
    for (int i = 0; i < count; ++i) {
        if (p.row[i] < rows.first - N) continue;
        for (int ky = 0; ky < N; ++ky) {
            const int y = p.row[i] + ky;
            if (y < rows.first || y >= rows.last) continue;
            for (int kx = 0; kx < N; ++kx) {
                const int x = p.col[i] + kx;
                if (x >= 0 && x < ring.width && p.wx[kx][i] * p.wy[ky][i] != 0.0) ring.raise(y, x, p.z[i]);
            }
        }
    }
}

template <int N>
void cover_segment(const Prepared<N>& p, const Ring& ring, Rows rows, int before, int count) {
    for (int i = 0; i < count; ++i) {
        if (p.row[i] < rows.first - N) continue;
        const int row = p.row[i] + before, col = p.col[i] + before;
        const float fx = p.fx[i], fy = p.fy[i];
        for (int ky = 0; ky < 2; ++ky) {
            if (row + ky < rows.first || row + ky >= rows.last) continue;
            for (int kx = 0; kx < 2; ++kx)
                if (col + kx >= 0 && col + kx < ring.width)
                    ring.cover[ring.index(row + ky, col + kx)] += static_cast<double>((ky ? fy : 1.0f - fy) * (kx ? fx : 1.0f - fx));
        }
    }
}

// out = mix(out, bilinear sample, share); all four texels exist. C = 0: any number of channels.
template <class V>
RT_HD V bilinear_lanes(const float* top, const float* bottom, int next, float fx, float fy) {
    const V f = splat_of<V>(fy), g = splat_of<V>(1.0f - fy);
    const V left = mix_lanes(load<V>(top), load<V>(bottom), f, g, f == V{});
    const V right = mix_lanes(load<V>(top + next), load<V>(bottom + next), f, g, f == V{});
    const V h = splat_of<V>(fx);
    return mix_lanes(left, right, h, splat_of<V>(1.0f - fx), h == V{});
}

template <class V>
RT_HD void blend_lanes(float* out, const V& v, float share) {
    const V s = splat_of<V>(share);
    store(out, share >= 1.0f ? v : mix_lanes(load<V>(out), v, s, splat_of<V>(1.0f - share), s == V{}));
}

template <int C>
RT_HD void blend_bilinear(const float* top, const float* bottom, int channels, float fx, float fy, float share, float* out) {
    if constexpr (C == 4) {
        // both texels of a row in one load, both columns at once
        const float8 f = splat_of<float8>(fy), g = splat_of<float8>(1.0f - fy);
        const float8 both = mix_lanes(load<float8>(top), load<float8>(bottom), f, g, f == float8{});
        const float4 left = __builtin_shufflevector(both, both, 0, 1, 2, 3), right = __builtin_shufflevector(both, both, 4, 5, 6, 7);
        const float4 h = splat_of<float4>(fx);
        blend_lanes(out, mix_lanes(left, right, h, splat_of<float4>(1.0f - fx), h == float4{}), share);
    } else {
        int c = 0;
        for (; c + 16 <= channels; c += 16) blend_lanes(out + c, bilinear_lanes<float16>(top + c, bottom + c, channels, fx, fy), share);
        for (; c + 4 <= channels; c += 4) blend_lanes(out + c, bilinear_lanes<float4>(top + c, bottom + c, channels, fx, fy), share);
        for (; c < channels; ++c) {
            const float left = mix(top[c], bottom[c], fy), right = mix(top[c + channels], bottom[c + channels], fy);
            const float v = mix(left, right, fx);
            out[c] = share >= 1.0f ? v : mix(out[c], v, share);
        }
    }
}

struct Record { // a target whose candidate points outside the frame
    Aim at;
    float weight;
    int candidate, x, y;
};

template <class F>
class Chunk {
  public:
    Chunk(const Synthesis& v, const SynthesisOptions& options, const F& footprint, const RowRange* segments, const RowRange* lines,
          const int* not_before)
        : v_(v), options_(options), footprint_(footprint), strip_(v.strip), segments_(segments), lines_(lines), not_before_(not_before),
          width_(v.strip.width), pitch_((v.strip.width + 63) / 64 * 64), per_line_((v.strip.width + kSegment - 1) / kSegment), bounded_(skips_maximum(options.metric_bound)) {}

    void run(Rows rows) {
        int slots = 0;
        if (bounded_)
            for (int i = 0; i < v_.candidate_count; ++i)
                if (v_.candidates[i].weight != 0.0f) slots = larger(slots, rolling_slots(i, rows));
        if (bounded_ && int64_t(slots) * width_ * 32 <= kRingBytes) roll(rows, kBlock, slots);
        else
            for (int y = rows.first; y < rows.last; y += kBand) {
                const Rows band{y, smaller(y + kBand, rows.last)};
                roll(band, kBand, kBand);
            }
    }

  private:
    const RowRange& line(int candidate, int local_y) const { return lines_[int64_t(candidate) * strip_.source_rows + local_y]; }
    int not_before(int candidate, int local_y) const { return not_before_[int64_t(candidate) * strip_.source_rows + local_y]; }

    // Rows in flight at most, when `rows` are rolled through in blocks.
    int rolling_slots(int candidate, Rows rows) const {
        int next = 0, deepest = rows.first, slots = kBlock;
        for (int y = rows.first; y < rows.last; y += kBlock) {
            const int end = smaller(y + kBlock, rows.last);
            while (next < strip_.source_rows && not_before(candidate, next) < end) {
                deepest = larger(deepest, smaller(line(candidate, next).last, rows.last - 1));
                ++next;
            }
            slots = larger(slots, deepest - y + 1);
        }
        return slots;
    }

    void roll(Rows rows, int block, int slots) {
        const int64_t plane = int64_t(slots) * width_;
        const int count = v_.candidate_count;
        double* sums = static_cast<double*>(scratch(kSums, sizeof(double) * 4 * plane * count));
        double* cover = options_.coverage_gate ? static_cast<double*>(scratch(kCover, sizeof(double) * plane * count)) : nullptr;
        float* maximum = bounded_ ? nullptr : static_cast<float*>(scratch(kMaximum, sizeof(float) * plane));
        int* slot = static_cast<int*>(scratch(kRingIndex, sizeof(int) * (static_cast<size_t>(rows.last - rows.first) + count)));
        int* next = slot + (rows.last - rows.first);
        for (int y = rows.first; y < rows.last; ++y) slot[y - rows.first] = (y - rows.first) % slots;
        for (int i = 0; i < count; ++i) next[i] = 0;
        memset(sums, 0, sizeof(double) * 4 * plane * count);
        if (cover) memset(cover, 0, sizeof(double) * plane * count);
        total_ = static_cast<float*>(scratch(kTotal, sizeof(float) * block * pitch_));
        best_ = v_.ids_out ? static_cast<float*>(scratch(kBest, sizeof(float) * block * width_)) : nullptr;
        records_ = static_cast<Record*>(scratch(kRecords, sizeof(Record) * block * width_ * count));

        for (int y = rows.first; y < rows.last; y += block) {
            const Rows now{y, smaller(y + block, rows.last)};
            memset(total_, 0, sizeof(float) * block * pitch_);
            if (best_) memset(best_, 0, sizeof(float) * block * width_);
            record_count_ = 0;
            for (int i = 0; i < count; ++i) {
                const Candidate& candidate = v_.candidates[i];
                if (candidate.weight == 0.0f) continue;
                const Ring ring{sums + 4 * plane * i, cover ? cover + plane * i : nullptr, maximum, slot, rows.first, width_};
                if (maximum) {
                    for (int64_t k = 0; k < plane; ++k) maximum[k] = -__builtin_inff();
                    int from = next[i];
                    visit(i, ring, rows, now, from, true);
                }
                visit(i, ring, rows, now, next[i], false);
                for (int row = now.first; row < now.last; ++row) resolve_row(i, ring, row, now.first);
            }
            finish(now);
        }
    }

    // Splats source rows, from `next` on, until none can reach `now`; taps inside `rows` only.
    void visit(int i, const Ring& ring, Rows rows, Rows now, int& next, bool maximum_pass) {
        const Candidate& candidate = v_.candidates[i];
        for (; next < strip_.source_rows && not_before(i, next) < now.last; ++next) {
            const RowRange reach_of_line = line(i, next);
            if (reach_of_line.last < rows.first || reach_of_line.first >= rows.last) continue;
            for (int s = 0; s < per_line_; ++s) {
                const RowRange range = segments_[(int64_t(i) * strip_.source_rows + next) * per_line_ + s];
                if (range.last < rows.first || range.first >= rows.last) continue;
                const int x0 = s * kSegment, n = smaller(kSegment, width_ - x0);
                prepare_segment(prepared_, footprint_, candidate, bounded_, x0, next + strip_.source_row0, next, n);
                if (maximum_pass) {
                    raise_segment(prepared_, ring, rows, n);
                    continue;
                }
                add_segment(prepared_, ring, rows, bounded_, n);
                if (ring.cover) cover_segment(prepared_, ring, rows, F::before, n);
            }
        }
    }

    // Turns the sums of one target row into samples and blends them into the output.
    void resolve_row(int i, const Ring& ring, int y, int block0) {
        const Candidate& candidate = v_.candidates[i];
        const Image<const float>& frame = v_.frames[candidate.frame];
        double* sums = ring.sums + ring.index(y, 0) * 4;
        double* cover = ring.cover ? ring.cover + ring.index(y, 0) : nullptr;
        float* total = total_ + int64_t(y - block0) * pitch_;
        alignas(64) float fx[kSegment], fy[kSegment], m[kSegment], weight[kSegment], share[kSegment], mean[kSegment][4];
        alignas(64) int cell_x[kSegment], cell_y[kSegment], state[kSegment]; // 0 hole, 1 inside, 2 outside
        const bool fast = options_.filter == Filter::bilinear;
        const int channels = static_cast<int>(frame.c);
        const float exponent = options_.merge_exponent, own = candidate.weight;
        const int16v lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

        for (int x0 = 0; x0 < width_; x0 += kSegment) {
            const int n = smaller(kSegment, width_ - x0), padded = (n + 15) & ~15;
            const double* s = sums + int64_t(x0) * 4;
            if (n < kSegment) memset(mean, 0, sizeof mean);
            for (int k = 0; k < n; ++k) {
                const double4 sum = load<double4>(s + 4 * k);
                store(mean[k], __builtin_convertvector(sum / splat_of<double4>(sum[3]), float4)); // 0 / 0 in holes
            }
            for (int k = 0; k < padded; k += 16) {
                float16 xm0, y10, xm1, y11, mx, my, mm, valid; // undo the interleaving of prepare_segment
                take_pairs(mean[k], xm0, y10);
                take_pairs(mean[k + 8], xm1, y11);
                mx = __builtin_shufflevector(xm0, xm1, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
                mm = __builtin_shufflevector(xm0, xm1, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
                my = __builtin_shufflevector(y10, y11, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
                valid = __builtin_shufflevector(y10, y11, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
                const int16v filled = valid == 1.0f;
                mx = filled ? mx : float16{};
                my = filled ? my : float16{};
                mm = filled ? mm : float16{};
                int16v cx, cy;
                float16 rx, ry;
                split_lanes(mx, cx, rx);
                split_lanes(my, cy, ry);
                cx += lane + (x0 + k);
                cy += y;
                const int16v nx = cx - (rx >= 0.5f), ny = cy - (ry >= 0.5f);
                const int16v in = (nx >= 0) & (nx < width_) & (ny >= 0) & (ny < strip_.frame_height);
                store(state + k, filled & (in ? splat_of<int16v>(1) : splat_of<int16v>(2)));
                store(cell_x + k, cx);
                store(cell_y + k, cy);
                store(fx + k, rx);
                store(fy + k, ry);
                store(m + k, mm);
                float16 a = splat_of<float16>(own);
                if (options_.merge == Merge::metric) {
                    if (exponent == 1.0f) a = own * mm;
                    else if (exponent == 2.0f) a = own * (mm * mm);
                    else if (exponent == 4.0f) a = own * ((mm * mm) * (mm * mm));
                    else
                        for (int j = 0; j < 16; ++j) a[j] = own * power(mm[j], exponent);
                }
                store(weight + k, a);
            }
            if (cover)
                for (int k = 0; k < n; ++k) weight[k] *= larger(1e-3f, smaller(1.0f, static_cast<float>(cover[x0 + k])));
            int16v outside = {};
            for (int k = 0; k < padded; k += 16) {
                const int16v where = load<int16v>(state + k);
                const float16 before = load<float16>(total + x0 + k), a = where == 1 ? load<float16>(weight + k) : float16{};
                const float16 after = before + a;
                store(share + k, a > 0.0f ? a / after : float16{});
                store(total + x0 + k, after);
                outside |= where == 2;
            }
            int unusual = 0;
            for (int j = 0; j < 16; ++j) unusual |= outside[j];
            float* out = v_.out.at(y - strip_.out_row0, x0);
            const unsigned last_x = static_cast<unsigned>(width_ - 2), last_y = static_cast<unsigned>(strip_.source_rows - 2);
            const bool room = width_ >= 2 && strip_.source_rows >= 2 && fast;
            for (int k = 0; k < n; ++k) {
                if (!(share[k] > 0.0f)) continue;
                const int local = cell_y[k] - strip_.source_row0;
                if (room && static_cast<unsigned>(cell_x[k]) <= last_x && static_cast<unsigned>(local) <= last_y) {
                    const float* top = frame.at(local, cell_x[k]);
                    float* to = out + int64_t(k) * channels;
                    if (channels == 4) blend_bilinear<4>(top, top + frame.row, 4, fx[k], fy[k], share[k], to);
                    else blend_bilinear<0>(top, top + frame.row, channels, fx[k], fy[k], share[k], to);
                } else {
                    blend_pixel(options_.filter, frame, strip_, Aim{cell_x[k], cell_y[k], fx[k], fy[k]}, share[k], out + int64_t(k) * channels);
                }
            }
            if (best_)
                for (int k = 0; k < n; ++k)
                    if (share[k] > 0.0f) offer_ids(i, Aim{cell_x[k], cell_y[k], fx[k], fy[k]}, weight[k], x0 + k, y, block0);
            if (unusual)
                for (int k = 0; k < n; ++k)
                    if (state[k] == 2 && weight[k] > 0.0f)
                        records_[record_count_++] = {Aim{cell_x[k], cell_y[k], fx[k], fy[k]}, weight[k], i, x0 + k, y};
        }
        memset(sums, 0, sizeof(double) * 4 * width_);
        if (cover) memset(cover, 0, sizeof(double) * width_);
    }

    void offer_ids(int i, const Aim& at, float weight, int x, int y, int block0) {
        float& best = best_[int64_t(y - block0) * width_ + x];
        if (!(weight > best)) return;
        best = weight;
        copy_ids(v_.ids[v_.candidates[i].frame], strip_, at, v_.ids_out.at(y - strip_.out_row0, x));
    }

    void blend_fallback(int i, const Aim& at, float weight, int x, int y, int block0) {
        float& total = total_[int64_t(y - block0) * pitch_ + x]; // <= 0 here: minus the weight so far
        const float before = -total, after = before + weight;
        total = -after;
        blend_pixel(options_.filter, v_.frames[v_.candidates[i].frame], strip_, at, before == 0.0f ? 1.0f : weight / after,
                    v_.out.at(y - strip_.out_row0, x));
        if (best_) offer_ids(i, at, weight, x, y, block0);
    }

    // Targets that no candidate reached from inside the frame; then the by-products.
    void finish(Rows now) {
        for (int64_t r = 0; r < record_count_; ++r) {
            const Record& record = records_[r];
            if (!(total_[int64_t(record.y - now.first) * pitch_ + record.x] > 0.0f))
                blend_fallback(record.candidate, record.at, record.weight, record.x, record.y, now.first);
        }
        for (int y = now.first; y < now.last; ++y) {
            float* total = total_ + int64_t(y - now.first) * pitch_;
            uint8_t* hole = v_.hole ? v_.hole.at(y - strip_.out_row0, 0) : nullptr;
            float* weight_sum = v_.weight_sum ? v_.weight_sum.at(y - strip_.out_row0, 0) : nullptr;
            int missing = 0;
            for (int x = 0; x < width_; ++x) missing += total[x] == 0.0f;
            if (hole) for (int x = 0; x < width_; ++x) hole[x] = total[x] > 0.0f ? 0 : (total[x] < 0.0f ? 1 : 2);
            if (weight_sum) for (int x = 0; x < width_; ++x) weight_sum[x] = larger(total[x], 0.0f);
            if (missing)
                for (int x = 0; x < width_; ++x) {
                    if (total[x] != 0.0f) continue;
                    for (int i = 0; i < v_.candidate_count; ++i)
                        if (v_.candidates[i].weight != 0.0f)
                            blend_fallback(i, aim_own(v_.candidates[i], strip_, x, y), v_.candidates[i].weight, x, y, now.first);
                }
        }
    }

    const Synthesis& v_;
    const SynthesisOptions& options_;
    const F& footprint_;
    const Strip strip_;
    const RowRange* segments_;
    const RowRange* lines_;
    const int* not_before_;
    const int width_, pitch_, per_line_; // pitch_: floats of a row of total_, room for whole vectors
    const bool bounded_;
    float* total_ = nullptr;
    float* best_ = nullptr;
    Record* records_ = nullptr;
    int64_t record_count_ = 0;
    Prepared<F::count> prepared_;
};

template <class F>
void run(const Synthesis& v, const SynthesisOptions& options, const F& footprint) {
    const Strip strip = v.strip;
    const int width = strip.width, count = v.candidate_count;
    if (width == 0 || strip.out_rows == 0) return;
    const int per_line = (width + kSegment - 1) / kSegment;
    const int64_t all_lines = int64_t(count) * strip.source_rows;

    RowRange* segments = static_cast<RowRange*>(scratch(kRanges, sizeof(RowRange) * all_lines * (per_line + 2)));
    RowRange* lines = segments + all_lines * per_line;
    int* not_before = reinterpret_cast<int*>(lines + all_lines);
    constexpr int kLines = 16;
    auto measure = [&](int64_t piece) {
        for (int64_t at = piece * kLines; at < smaller((piece + 1) * kLines, all_lines); ++at) {
            const Candidate& candidate = v.candidates[at / strip.source_rows];
            const int local = static_cast<int>(at % strip.source_rows);
            RowRange whole{1 << 29, -(1 << 29)};
            for (int s = 0; s < per_line; ++s) {
                const float* flow = candidate.flow.at(local, s * kSegment) + 1;
                const int n = smaller(kSegment, width - s * kSegment);
                float low = flow[0], high = flow[0];
                for (int i = 1; i < n; ++i) {
                    low = smaller(low, flow[2 * i]);
                    high = larger(high, flow[2 * i]);
                }
                const float a = candidate.scale * low, b = candidate.scale * high;
                const int y = local + strip.source_row0;
                const RowRange range{y + split(smaller(a, b)).cell - 1, y + split(larger(a, b)).cell + 2};
                segments[at * per_line + s] = range;
                whole.include(range.first, range.last);
            }
            lines[at] = whole;
        }
    };
    for_pieces((all_lines + kLines - 1) / kLines, options.threads, measure);
    for (int i = 0; i < count; ++i) {
        int lowest = 1 << 29;
        for (int64_t at = int64_t(i + 1) * strip.source_rows - 1; at >= int64_t(i) * strip.source_rows; --at)
            not_before[at] = lowest = smaller(lowest, lines[at].first);
    }

    const int threads = options.threads > 0 ? options.threads : default_threads();
    const int rows = clamped((strip.out_rows + 4 * threads - 1) / (4 * threads), 32, 256);
    auto body = [&](int64_t piece) {
        const int first = strip.out_row0 + static_cast<int>(piece) * rows;
        Chunk<F> chunk(v, options, footprint, segments, lines, not_before);
        chunk.run({first, smaller(first + rows, strip.out_row0 + strip.out_rows)});
    };
    for_pieces((strip.out_rows + rows - 1) / rows, options.threads, body);
}

void synthesize_any(const Synthesis& v, const SynthesisOptions& options) {
    if (options.footprint == FootprintKind::bilinear) run(v, options, Bilinear{});
    else run(v, options, Gaussian{options.sigma});
}

} // namespace

void register_synthesize(Kernels& table) { table.synthesize = synthesize_any; }

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

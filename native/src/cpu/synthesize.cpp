// The fused inference path on the CPU. The maths is that of synthesize.h, in the shape the hardware likes.
//
// A *chunk* of target rows belongs to one thread. It rolls downwards in blocks: source rows are splatted, in
// order, until no later one can reach the block; then the block's targets are resolved and blended into the
// output and their sums are forgotten. The sums of the rows in flight live in a ring, so nothing of the size
// of a frame exists, and source pixels are splatted once (but for the few rows that two chunks share). Flows
// that would need too large a ring, and the maximum pass, run in narrow bands instead.
//
// Source pixels are visited in groups of kGroup rows (of the whole frame, not of a chunk or strip), segment
// by segment, row by row, so that the targets of a segment stay in the first-level cache. Every target sums
// its contributions in that order, whatever the chunks, blocks and threads are: the bits depend on none of
// them.
#include "bands.h"
#include "bicubic.h"
#include "kernels.h"
#include "lanczos.h"
#include "segments.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

constexpr int kGroup = 8;                        // source rows visited together
constexpr int kBlock = 8;                        // target rows resolved together
constexpr int kBand = 16;                        // rows of a chunk that cannot roll
constexpr int64_t kRingBytes = int64_t(3) << 20; // per candidate

// Scratch slots of the thread that calls, and of the threads that work.
enum Slot { kRanges, kSums, kMaximum, kCover, kTotal, kBest, kRecords, kRingIndex };

RT_HD void halves(const float8& v, float4& low, float4& high) {
#if defined(__AVX__)
    low = (float4)_mm256_castps256_ps128((__m256)v);
    high = (float4)_mm256_extractf128_ps((__m256)v, 1);
#else
    memcpy(&low, &v, sizeof low);
    memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
#endif
}

// out = mix(out, bilinear sample, share); all four texels exist. C = 0: any number of channels. C = 3 reads,
// and does not use, up to two floats behind the right texels.
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

// The same for the first three lanes.
RT_HD void blend_three(float* out, float4 v, float share) {
    float4 mixed = {};
    memcpy(&mixed, out, 3 * sizeof(float));
    blend_lanes(reinterpret_cast<float*>(&mixed), v, share);
    memcpy(out, &mixed, 3 * sizeof(float));
}

template <int C>
RT_HD void blend_bilinear(const float* top, const float* bottom, int channels, float fx, float fy,
                          float share, float* out) {
    if constexpr (C == 4 && kLanes >= 8) {
        // both texels of a row in one load, both columns at once
        const float8 f = splat_of<float8>(fy), g = splat_of<float8>(1.0f - fy);
        const float8 both = mix_lanes(load<float8>(top), load<float8>(bottom), f, g, f == float8{});
        float4 left, right;
        halves(both, left, right);
        const float4 h = splat_of<float4>(fx);
        blend_lanes(out, mix_lanes(left, right, h, splat_of<float4>(1.0f - fx), h == float4{}), share);
    } else if constexpr (C == 3) {
        blend_three(out, bilinear_lanes<float4>(top, bottom, 3, fx, fy), share);
    } else {
        int c = 0;
        for (; c + kLanes <= channels; c += kLanes)
            blend_lanes(out + c, bilinear_lanes<floats>(top + c, bottom + c, channels, fx, fy), share);
        for (; c + 4 <= channels; c += 4)
            blend_lanes(out + c, bilinear_lanes<float4>(top + c, bottom + c, channels, fx, fy), share);
        for (; c < channels; ++c) {
            const float left = mix(top[c], bottom[c], fy),
                        right = mix(top[c + channels], bottom[c + channels], fy);
            const float v = mix(left, right, fx);
            out[c] = share >= 1.0f ? v : mix(out[c], v, share);
        }
    }
}

#if defined(__AVX512VL__)
// out = mix(out, v, share) for four targets of C channels, side by side.
template <int C>
RT_HD void blend_sixteen(float* out, floats v, const float* share) {
    const __m512i each = C == 4 ? _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3)
                                : _mm512_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3);
    const floats s =
        (floats)_mm512_maskz_permutexvar_ps(0xffff, each, _mm512_castps128_ps512(_mm_loadu_ps(share)));
    const __mmask16 written = C == 4 ? 0xffff : 0x0fff;
    const __mmask16 partly = _mm512_cmp_ps_mask((__m512)s, _mm512_set1_ps(1.0f), _CMP_LT_OQ);
    if (partly) {
        const floats before = (floats)_mm512_maskz_loadu_ps(written, out);
        v = (floats)_mm512_mask_mov_ps((__m512)v, partly,
                                       (__m512)mix_lanes(before, v, s, 1.0f - s, s == 0.0f));
    }
    _mm512_mask_storeu_ps(out, written, (__m512)v);
}

// Four targets of C channels (3 or 4) at once; top[j] and bottom[j]: the texels of target j.
template <int C>
RT_HD void blend_four(const float* const* top, const float* const* bottom, const float* fx, const float* fy,
                      const float* share, float* out) {
    const auto pair = [](const float* a, const float* b) {
        return (floats)_mm512_maskz_insertf32x8(0xffff, _mm512_castps256_ps512(_mm256_loadu_ps(a)),
                                                _mm256_loadu_ps(b), 1);
    };
    const auto spread = [](const float* from, __m512i lanes) {
        return (floats)_mm512_maskz_permutexvar_ps(0xffff, lanes, _mm512_castps128_ps512(_mm_loadu_ps(from)));
    };
    const __m512i low = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1),
                  high = _mm512_setr_epi32(2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const floats f01 = spread(fy, low), f23 = spread(fy, high);
    const floats a =
        mix_lanes(pair(top[0], top[1]), pair(bottom[0], bottom[1]), f01, 1.0f - f01, f01 == 0.0f);
    const floats b =
        mix_lanes(pair(top[2], top[3]), pair(bottom[2], bottom[3]), f23, 1.0f - f23, f23 == 0.0f);
    __m512i each;
    floats left, right; // of the 4 C values in the order of `out`
    if constexpr (C == 4) {
        each = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
        left = (floats)_mm512_maskz_shuffle_f32x4(0xffff, (__m512)a, (__m512)b, 0x88);
        right = (floats)_mm512_maskz_shuffle_f32x4(0xffff, (__m512)a, (__m512)b, 0xdd);
    } else {
        each = _mm512_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3);
        const __m512i at = _mm512_setr_epi32(0, 1, 2, 8, 9, 10, 16, 17, 18, 24, 25, 26, 24, 24, 24, 24);
        left = (floats)_mm512_maskz_permutex2var_ps(0xffff, (__m512)a, at, (__m512)b);
        right = (floats)_mm512_maskz_permutex2var_ps(0xffff, (__m512)a,
                                                     _mm512_add_epi32(at, _mm512_set1_epi32(3)), (__m512)b);
    }
    const floats h = spread(fx, each);
    blend_sixteen<C>(out, mix_lanes(left, right, h, 1.0f - h, h == 0.0f), share);
}
#endif

// Where kSegment targets of a row sample their frame.
struct Positions {
    alignas(64) int cell_x[kSegment], cell_y[kSegment];
    alignas(64) float fx[kSegment], fy[kSegment];
    RT_HD Aim aim(int k) const { return {cell_x[k], cell_y[k], fx[k], fy[k]}; }
};

struct Record { // a target whose candidate points outside the frame
    Aim at;
    float weight;
    int candidate, x, y;
};

struct Group {
    RowRange reach; // target rows that any pixel of the group reaches
    int not_before; // lowest target row that this or any later group reaches
};

// Bounds of every candidate: [candidates, source rows, segments] and [candidates, groups].
struct Groups {
    const RowRange* segments;
    const Group* all;
    int count, source_row0, source_rows;

    RT_HD int first_line(int g) const {
        return (source_row0 / kGroup + g) * kGroup - source_row0;
    } // may lie before the strip

    // Local source rows of a group.
    RT_HD Rows lines(int g) const {
        const int first = first_line(g);
        return {larger(first, 0), smaller(first + kGroup, source_rows)};
    }
};

template <class F>
class Chunk {
  public:
    Chunk(const Synthesis& v, const SynthesisOptions& options, const F& footprint, const Groups& groups)
        : v_(v), options_(options), footprint_(footprint), constants_(constants_of(footprint)),
          strip_(v.strip), groups_(groups), width_(v.strip.width), pitch_((v.strip.width + 63) / 64 * 64),
          per_line_((v.strip.width + kSegment - 1) / kSegment),
          bounded_(skips_maximum(options.metric_bound)) {}

    void run(Rows rows) {
        Slots slots{kBlock, kBlock};
        for (int i = 0; i < v_.candidate_count; ++i)
            if (v_.candidates[i].weight != 0.0f) slots = rolling_slots(i, rows, slots);
        if ((int64_t(slots.sums) * 32 + int64_t(slots.maxima) * 4) * width_ <= kRingBytes)
            roll(rows, kBlock, slots);
        else
            for (int y = rows.first; y < rows.last; y += kBand) {
                const Rows band{y, smaller(y + kBand, rows.last)};
                roll(band, kBand, {kBand, kBand});
            }
    }

  private:
    struct Slots { // rows in flight
        int sums, maxima;
    };

    const Group& group(int candidate, int g) const {
        return groups_.all[int64_t(candidate) * groups_.count + g];
    }

    // The last target row of the source groups, from `next` on, that reach rows before `end`; `next` moves
    // past them.
    int deepest_row(int candidate, Rows rows, int end, int& next) const {
        int deepest = end - 1;
        for (; next < groups_.count && group(candidate, next).not_before < end; ++next)
            deepest = larger(deepest, smaller(group(candidate, next).reach.last, rows.last - 1));
        return deepest;
    }

    // Rows in flight at most, when `rows` are rolled through in blocks. Maxima run ahead of the sums: those
    // of all targets of a source pixel must be known before it is added.
    Slots rolling_slots(int candidate, Rows rows, Slots slots) const {
        int next = 0, raised = 0, deepest = rows.first, highest = rows.first;
        for (int y = rows.first; y < rows.last; y += kBlock) {
            const int last = deepest_row(candidate, rows, smaller(y + kBlock, rows.last), next);
            deepest = larger(deepest, last);
            if (!bounded_) highest = larger(highest, deepest_row(candidate, rows, last + 1, raised));
            slots.sums = larger(slots.sums, deepest - y + 1);
            slots.maxima = larger(slots.maxima, highest - y + 1);
        }
        return slots;
    }

    void roll(Rows rows, int block, Slots slots) {
        const int64_t plane = int64_t(slots.sums) * width_, maximum_plane = int64_t(slots.maxima) * width_;
        const int count = v_.candidate_count;
        double* sums = static_cast<double*>(scratch(kSums, sizeof(double) * 4 * plane * count));
        double* cover = options_.coverage_gate
                            ? static_cast<double*>(scratch(kCover, sizeof(double) * plane * count))
                            : nullptr;
        float* maxima = bounded_
                            ? nullptr
                            : static_cast<float*>(scratch(kMaximum, sizeof(float) * maximum_plane * count));
        int64_t* line = static_cast<int64_t*>(
            scratch(kRingIndex, sizeof(int64_t) * (2 * static_cast<size_t>(rows.last - rows.first) + count)));
        int64_t* line_of_maximum = line + (rows.last - rows.first);
        int* next = reinterpret_cast<int*>(line_of_maximum + (rows.last - rows.first));
        for (int k = 0; k < rows.last - rows.first; ++k) {
            line[k] = int64_t(k % slots.sums) * width_;
            line_of_maximum[k] = int64_t(k % slots.maxima) * width_;
        }
        int* raised = next + count;
        for (int i = 0; i < 2 * count; ++i) next[i] = 0;
        memset(sums, 0, sizeof(double) * 4 * plane * count);
        if (cover) memset(cover, 0, sizeof(double) * plane * count);
        if (maxima)
            for (int64_t k = 0; k < maximum_plane * count; ++k) maxima[k] = -__builtin_inff();
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
                const Ring ring{sums + 4 * plane * i,
                                cover ? cover + plane * i : nullptr,
                                maxima ? maxima + maximum_plane * i : nullptr,
                                line,
                                line_of_maximum,
                                rows.first,
                                width_};
                if (maxima) {
                    int after = next[i];
                    visit(i, ring, rows, {y, deepest_row(i, rows, now.last, after) + 1}, raised[i], true);
                }
                visit(i, ring, rows, now, next[i], false);
                for (int row = now.first; row < now.last; ++row) resolve_row(i, ring, row, now.first);
            }
            finish(now);
        }
    }

    // Splats source groups, from `next` on, until none can reach `now`; taps inside `rows` only.
    void visit(int i, const Ring& ring, Rows rows, Rows now, int& next, bool maximum_pass) {
        const Candidate& candidate = v_.candidates[i];
        for (; next < groups_.count && group(i, next).not_before < now.last; ++next) {
            const Group& all = group(i, next);
            if (all.reach.last < rows.first || all.reach.first >= rows.last) continue;
            const Rows lines = groups_.lines(next);
            for (int s = 0; s < per_line_; ++s) {
                const int x0 = s * kSegment, n = smaller(kSegment, width_ - x0);
                for (int local = lines.first; local < lines.last; ++local) {
                    const RowRange range =
                        groups_.segments[(int64_t(i) * strip_.source_rows + local) * per_line_ + s];
                    if (range.last < rows.first || range.first >= rows.last) continue;
                    prepare_segment(prepared_, footprint_, constants_, candidate, bounded_, x0,
                                    local + strip_.source_row0, local, n);
                    if (maximum_pass) {
                        raise_segment(prepared_, ring, rows, x0, n);
                        continue;
                    }
                    if (bounded_)
                        add_segment<true>(prepared_, ring, rows, x0, n);
                    else
                        add_segment<false>(prepared_, ring, rows, x0, n);
                    if (ring.cover) cover_segment(prepared_, ring, rows, F::before, x0, n);
                }
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
        alignas(64) float weight[kSegment], share[kSegment], mean[kSegment][4];
        alignas(64) int state[kSegment]; // 0 hole, 1 inside, 2 outside
        Positions at = {};               // all lanes have numbers
        const int channels = static_cast<int>(frame.c);
        const float exponent = options_.merge_exponent, own = candidate.weight;
        const ints lane = lane_numbers();

        for (int x0 = 0; x0 < width_; x0 += kSegment) {
            const int n = smaller(kSegment, width_ - x0), padded = (n + 15) & ~15;
            double* s = sums + int64_t(x0) * 4;
            if (n < kSegment) memset(mean, 0, sizeof mean);
            alignas(64) double inverse[kSegment];
            for (int k = 0; k < n; ++k) inverse[k] = s[4 * k + 3];
            for (int k = 0; k < n; ++k) inverse[k] = 1.0 / inverse[k];
            for (int k = 0; k < n; ++k) { // 0 * Inf in holes
                const double4 sum = load<double4>(s + 4 * k);
                store(mean[k], __builtin_convertvector(sum * splat_of<double4>(inverse[k]), float4));
                store(s + 4 * k, double4{}); // the ring's row is free again
            }
            for (int k = 0; k < padded; k += kLanes) {
                floats xm0, y10, xm1, y11, mx, my, mm, valid; // undo the interleaving of prepare_segment
                const float* first = mean[k];
                unzip(load<floats>(first), load<floats>(first + kLanes), xm0, y10);
                unzip(load<floats>(first + 2 * kLanes), load<floats>(first + 3 * kLanes), xm1, y11);
                unzip(xm0, xm1, mx, mm);
                unzip(y10, y11, my, valid);
                const ints filled = valid == 1.0f;
                mx = filled ? mx : floats{};
                my = filled ? my : floats{};
                mm = filled ? mm : floats{};
                ints cx, cy;
                floats rx, ry;
                split_lanes(mx, cx, rx);
                split_lanes(my, cy, ry);
                cx += lane + (x0 + k);
                cy += y;
                const ints nx = cx - (rx >= 0.5f), ny = cy - (ry >= 0.5f);
                const ints in = (nx >= 0) & (nx < width_) & (ny >= 0) & (ny < strip_.frame_height);
                store(state + k, filled & (in ? splat_of<ints>(1) : splat_of<ints>(2)));
                store(at.cell_x + k, cx);
                store(at.cell_y + k, cy);
                store(at.fx + k, rx);
                store(at.fy + k, ry);
                floats a = splat_of<floats>(own);
                if (options_.merge == Merge::metric) {
                    if (exponent == 1.0f)
                        a = own * mm;
                    else if (exponent == 2.0f)
                        a = own * (mm * mm);
                    else if (exponent == 4.0f)
                        a = own * ((mm * mm) * (mm * mm));
                    else
                        for (int j = 0; j < kLanes; ++j) a[j] = own * power(mm[j], exponent);
                }
                store(weight + k, a);
            }
            if (cover)
                for (int k = 0; k < n; ++k)
                    weight[k] *= larger(1e-3f, smaller(1.0f, static_cast<float>(cover[x0 + k])));
            ints outside = {};
            for (int k = 0; k < padded; k += kLanes) {
                const ints where = load<ints>(state + k);
                const floats before = load<floats>(total + x0 + k),
                             a = where == 1 ? load<floats>(weight + k) : floats{};
                const floats after = before + a;
                store(share + k, a > 0.0f ? a / after : floats{});
                store(total + x0 + k, after);
                outside |= where == 2;
            }
            int unusual = 0;
            for (int j = 0; j < kLanes; ++j) unusual |= outside[j];
            float* out = v_.out.at(y - strip_.out_row0, x0);
            if (options_.filter == Filter::lanczos4)
                blend_wide<LanczosSegment>(frame, n, at, share, out);
            else if (options_.filter == Filter::bicubic)
                blend_wide<BicubicSegment<LimitedBicubicFilter>>(frame, n, at, share, out);
            else if (channels == 4)
                blend_row<4>(frame, n, at, share, out);
            else if (channels == 3)
                blend_row<3>(frame, n, at, share, out);
            else
                blend_row<0>(frame, n, at, share, out);
            if (best_)
                for (int k = 0; k < n; ++k)
                    if (share[k] > 0.0f) offer_ids(i, at.aim(k), weight[k], x0 + k, y, block0);
            if (unusual)
                for (int k = 0; k < n; ++k)
                    if (state[k] == 2 && weight[k] > 0.0f)
                        records_[record_count_++] = {at.aim(k), weight[k], i, x0 + k, y};
        }
        if (cover) memset(cover, 0, sizeof(double) * width_);
        if (ring.maximum) {
            float* maximum = &ring.highest(y, 0);
            for (int x = 0; x < width_; ++x) maximum[x] = -__builtin_inff();
        }
    }

    // Any filter, any border; kept out of the loops that rarely need it.
    __attribute__((noinline)) void blend_anywhere(const Image<const float>& frame, const Aim& at, float share,
                                                  float* out) const {
        blend_pixel(options_.filter, frame, strip_, at, share, out);
    }

    // out[k] = mix(out[k], sample(k), share[k]) for n targets; share 0: nothing to add.
    template <int C>
    __attribute__((noinline)) void blend_row(const Image<const float>& frame, int n, const Positions& at,
                                             const float* share, float* out) const {
        constexpr int across = C == 3 ? 3 : 2; // pixels of a row that are read
        const unsigned last_x = static_cast<unsigned>(width_ - across),
                       last_y = static_cast<unsigned>(strip_.source_rows - 2);
        const bool room = width_ >= across && strip_.source_rows >= 2;
        const int channels = C > 0 ? C : static_cast<int>(frame.c), row0 = strip_.source_row0;
        const int64_t pitch = frame.row;
        const float* const pixels = frame.data;
        for (int k = 0; k < n; ++k, out += channels) {
#if defined(__AVX512VL__)
            if ((C == 3 || C == 4) && room && k + 4 <= n) {
                const __m128i xs = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at.cell_x + k));
                const __m128i ys = _mm_sub_epi32(
                    _mm_loadu_si128(reinterpret_cast<const __m128i*>(at.cell_y + k)), _mm_set1_epi32(row0));
                const int ready = _mm_cmple_epu32_mask(xs, _mm_set1_epi32(static_cast<int>(last_x))) &
                                  _mm_cmple_epu32_mask(ys, _mm_set1_epi32(static_cast<int>(last_y))) &
                                  _mm_cmp_ps_mask(_mm_loadu_ps(share + k), _mm_setzero_ps(), _CMP_GT_OQ);
                if (ready == 15) {
                    const float *top[4], *bottom[4];
                    for (int j = 0; j < 4; ++j) {
                        top[j] =
                            pixels + (at.cell_y[k + j] - row0) * pitch + int64_t(at.cell_x[k + j]) * channels;
                        bottom[j] = top[j] + pitch;
                    }
                    __builtin_prefetch(top[0] + 256);
                    __builtin_prefetch(bottom[0] + 256);
                    __builtin_prefetch(bottom[0] + pitch, 0, 2); // the next row's, in time
                    blend_four<C == 3 ? 3 : 4>(top, bottom, at.fx + k, at.fy + k, share + k, out);
                    k += 3;
                    out += 3 * channels;
                    continue;
                }
            }
#endif
            if (!(share[k] > 0.0f)) continue;
            const int x = at.cell_x[k], y = at.cell_y[k] - row0;
            if (room && static_cast<unsigned>(x) <= last_x && static_cast<unsigned>(y) <= last_y) {
                const float* top = pixels + y * pitch + int64_t(x) * channels;
                __builtin_prefetch(top + 32 * channels);
                __builtin_prefetch(top + pitch + 32 * channels);
                blend_bilinear<C>(top, top + pitch, channels, at.fx[k], at.fy[k], share[k], out);
            } else {
                blend_anywhere(frame, at.aim(k), share[k], out);
            }
        }
    }

#if defined(__AVX512VL__)
    // The targets k .. k + 3 of three or four channels at once, if all their taps exist and count.
    template <class Segment>
    RT_HD bool blend_full_four(const Image<const float>& frame, int k, const Positions& at,
                               const Segment& segment, const float* share, float* out) const {
        if (width_ < 4 || strip_.source_rows < 4) return false;
        const auto read = [](const int* from, int first) {
            return _mm_sub_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)),
                                 _mm_set1_epi32(first));
        };
        const auto counts = [](const float* from) {
            return _mm_cmp_ps_mask(_mm_loadu_ps(from), _mm_setzero_ps(), _CMP_NEQ_OQ);
        };
        const int row0 = strip_.source_row0;
        const int ready =
            _mm_cmple_epu32_mask(read(at.cell_x + k, 1), _mm_set1_epi32(width_ - 4)) &
            _mm_cmple_epu32_mask(read(at.cell_y + k, row0 + 1), _mm_set1_epi32(strip_.source_rows - 4)) &
            counts(segment.x[0] + k) & counts(segment.y[0] + k) & counts(share + k);
        if (ready != 15) return false;
        const float* cell[4];
        for (int j = 0; j < 4; ++j) cell[j] = frame.at(at.cell_y[k + j] - row0, at.cell_x[k + j]);
        __builtin_prefetch(cell[0] + 256 - frame.row);
        __builtin_prefetch(cell[0] + 256);
        __builtin_prefetch(cell[0] + 256 + frame.row);
        __builtin_prefetch(cell[0] + 256 + 2 * frame.row);
        if (frame.c == 4)
            blend_sixteen<4>(out, segment.template sample_four<4>(k, cell, frame.row), share + k);
        else
            blend_sixteen<3>(out, segment.template sample_four<3>(k, cell, frame.row), share + k);
        return true;
    }
#endif

    template <class Segment>
    __attribute__((noinline)) void blend_wide(const Image<const float>& frame, int n, const Positions& at,
                                              const float* share, float* out) const {
        const Segment segment(at.fx, at.fy);
        const int channels = static_cast<int>(frame.c);
        for (int k = 0; k < n; ++k, out += channels) {
#if defined(__AVX512VL__)
            if constexpr (Segment::takes_four)
                if ((channels == 3 || channels == 4) && k + 4 <= n && segment.is_full(k) &&
                    blend_full_four(frame, k, at, segment, share, out)) {
                    k += 3;
                    out += 3 * channels;
                    continue;
                }
#endif
            if (!(share[k] > 0.0f)) continue;
            const int x = at.cell_x[k], y = at.cell_y[k] - strip_.source_row0;
            if (!segment.is_plain(k, x, y, width_, strip_.source_rows, channels)) {
                blend_anywhere(frame, at.aim(k), share[k], out);
                continue;
            }
            segment.sample_at(k, frame.at(y, x), frame.row, channels, [&](int c, auto v) {
                using V = decltype(v);
                if constexpr (sizeof(V) > sizeof(float)) {
                    if (channels == 3)
                        blend_three(out, v, share[k]);
                    else
                        blend_lanes(out + c, v, share[k]);
                } else
                    out[c] = share[k] >= 1.0f ? v : mix(out[c], v, share[k]);
            });
        }
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
        blend_anywhere(v_.frames[v_.candidates[i].frame], at, before == 0.0f ? 1.0f : weight / after,
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
            if (hole)
                for (int x = 0; x < width_; ++x) hole[x] = total[x] > 0.0f ? 0 : (total[x] < 0.0f ? 1 : 2);
            if (weight_sum)
                for (int x = 0; x < width_; ++x) weight_sum[x] = larger(total[x], 0.0f);
            if (missing)
                for (int x = 0; x < width_; ++x) {
                    if (total[x] != 0.0f) continue;
                    for (int i = 0; i < v_.candidate_count; ++i)
                        if (v_.candidates[i].weight != 0.0f)
                            blend_fallback(i, aim_own(v_.candidates[i], strip_, x, y),
                                           v_.candidates[i].weight, x, y, now.first);
                }
        }
    }

    const Synthesis& v_;
    const SynthesisOptions& options_;
    const F& footprint_;
    const decltype(constants_of(F{})) constants_;
    const Strip strip_;
    const Groups groups_;
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
    Groups groups{nullptr, nullptr, 0, strip.source_row0, strip.source_rows};
    groups.count = (strip.source_row0 + strip.source_rows + kGroup - 1) / kGroup - strip.source_row0 / kGroup;
    const int64_t all = int64_t(count) * groups.count,
                  segment_count = int64_t(count) * strip.source_rows * per_line;
    Group* bounds =
        static_cast<Group*>(scratch(kRanges, sizeof(Group) * all + sizeof(RowRange) * segment_count));
    RowRange* segments = reinterpret_cast<RowRange*>(bounds + all);
    groups.segments = segments;
    groups.all = bounds;
    int non_finite = 0; // only ever set
    auto measure = [&](int64_t piece) {
        const int i = static_cast<int>(piece / groups.count);
        const Candidate& candidate = v.candidates[i];
        Group& whole = bounds[piece];
        whole.reach = {1 << 29, -(1 << 29)};
        if (candidate.weight == 0.0f) return;
        const Rows lines = groups.lines(static_cast<int>(piece % groups.count));
        float wrong = 0.0f;
        for (int local = lines.first; local < lines.last; ++local)
            for (int s = 0; s < per_line; ++s) {
                const float* flow = candidate.flow.at(local, s * kSegment);
                const int n = smaller(kSegment, width - s * kSegment);
                float low, high;
                vertical_bounds(flow, n, low, high, wrong);
                if (candidate.bend) { // wider than need be: extremes of the two need not meet
                    float least, most;
                    vertical_bounds(candidate.bend_at(local, s * kSegment), n, least, most, wrong);
                    const float bent = candidate.scale - 1.0f, p = bent * least, q = bent * most;
                    low += smaller(p, q);
                    high += larger(p, q);
                }
                const float a = candidate.scale * low, b = candidate.scale * high;
                const int y = local + strip.source_row0;
                const RowRange range{y + split(smaller(a, b)).cell - 1, y + split(larger(a, b)).cell + 2};
                segments[(int64_t(i) * strip.source_rows + local) * per_line + s] = range;
                whole.reach.include(range.first, range.last);
            }
        if (!(wrong == 0.0f)) __atomic_store_n(&non_finite, 1, __ATOMIC_RELAXED);
    };
    for_pieces(all, options.threads, measure);
    if (v.check_finite && non_finite) throw NonFiniteFlow();
    for (int i = 0; i < count; ++i) {
        int lowest = 1 << 29;
        for (int64_t at = int64_t(i + 1) * groups.count - 1; at >= int64_t(i) * groups.count; --at)
            bounds[at].not_before = lowest = smaller(lowest, bounds[at].reach.first);
    }

    const int threads = options.threads > 0 ? options.threads : default_threads();
    const int rows = clamped((strip.out_rows + 4 * threads - 1) / (4 * threads), 32, 256);
    auto body = [&](int64_t piece) {
        const int first = strip.out_row0 + static_cast<int>(piece) * rows;
        Chunk<F> chunk(v, options, footprint, groups);
        chunk.run({first, smaller(first + rows, strip.out_row0 + strip.out_rows)});
    };
    for_pieces((strip.out_rows + rows - 1) / rows, options.threads, body);
}

void synthesize_any(const Synthesis& v, const SynthesisOptions& options) {
    if (options.footprint == FootprintKind::bilinear)
        run(v, options, Bilinear{});
    else
        run(v, options, Gaussian{options.sigma});
}

} // namespace

void register_synthesize(Kernels& table) { table.synthesize = synthesize_any; }

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

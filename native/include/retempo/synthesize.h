// What does the frame at time t look like, given frames, flows and how far each may be trusted?
//
// Splatting-based synthesis (Niklaus, Hu, Chen 2023; equations of seed 000), fused. A *candidate* i is a
// source frame, one flow F_i of it, its splat metric Z_i and merge metric M_i, the scale s_i = (t - t_i) /
// (t_j - t_i) (how far along the flow t lies) and the blend weight w_i(t) (1 - t and t for a pair). Several
// flows of one frame are several candidates. w_i = 0 drops candidate i. A path may be bent: with B_i given,
// F_i below stands for F_i + (s_i - 1) B_i, the straight way to where the parabola is at s_i.
//
//   splat    every source pixel q lands on q + s F(q) and leaves the payload [-s F(q), max(0, M(q))] with the
//   weight
//            g(u) exp(Z(q) - zmax(p)) on the targets p of its footprint (splat_forward.h). Non-finite Z: the
//            pixel contributes nothing; non-finite M counts as 0. With `metric_bound` in (0, 60] the caller
//            guarantees |Z| <= metric_bound: zmax := 0, the maximum pass is skipped (Z is clamped to +-60 for
//            safety).
//   resolve  F_t(p) = SUM w (-s F) / SUM w,  M_t(p) = SUM w M / SUM w     (target with SUM w = 0: a hole of
//   i)
//            inside_i(p): the pixel nearest to p + F_t(p) lies in the frame (pixel area: -0.5 <= x < W - 0.5)
//   weigh    a_i(p) = w_i * M_t(p)^e * gate(p) where inside, else 0
//            merge = 'linear' takes M_t^e := 1; coverage_gate: gate(p) = max(1e-3, min(1, SUM bilinear
//            weights)), else 1
//   merge    out(p) = SUM_i a_i I_i(p + F_t) / SUM_i a_i, as a running mean: total += a; out = mix(out,
//   sample, a / total),
//            so that candidates that agree leave the value untouched, bit for bit (backward_warp.h: mix)
//   no a_i > 0:
//     (a) hole = 1: the candidates that have a flow here but point outside, edge-clamped samples, weight w_i
//     M_t^e gate (b) hole = 2: every candidate sampled at p - s F_i(p), its own flow read at p, edge-clamped,
//     weight w_i
//   hole(p) = 0, 1 or 2; weight_sum(p) = SUM_i a_i (0 in 1 and 2)
//   ids      nearest sample of the candidate with the largest weight (the first of equals), bits copied
//
// Strips: the sources hold the rows [source_row0, source_row0 + H) of a frame of frame_height rows, the
// outputs the rows [out_row0, out_row0 + H'), inside the source rows. A strip has the bits of the whole frame
// when the source rows hold every pixel that lands in it and every pixel it samples.
//
// The CPU accumulates in double: a ratio of sums over agreeing payloads rounds to the payload itself. A float
// accumulator gets the same by accumulating payload - reference(p), reference(p) = -s F(p) read at the target
// (`own_payload`), and adding it back in `resolve`.
#pragma once

#include "backward_warp.h"
#include "splat_forward.h"

namespace retempo {

enum class Merge : int { metric, linear };

struct Candidate {
    int frame = 0;
    Image<const float> flow;  // [H, W, 2] pixels
    Image<const float> splat; // [H, W, 1] Z
    Image<const float> merge; // [H, W, 1] M
    float scale = 0.0f;
    float weight = 0.0f;
    const float* bend = nullptr; // B, laid out as flow; none: straight

    RT_HD const float* bend_at(int64_t y, int64_t x) const { return bend + (flow.at(y, x) - flow.data); }
};

struct SynthesisOptions {
    FootprintKind footprint = FootprintKind::gaussian;
    double sigma = 0.5;
    float merge_exponent = 1.0f;
    bool coverage_gate = false;
    float metric_bound = 0.0f;
    Filter filter = Filter::bilinear; // bilinear, bicubic (limited) or lanczos4
    Merge merge = Merge::metric;
    int threads = 0;
    bool deterministic = false;
};

struct Strip {
    int frame_height = 0, source_row0 = 0, source_rows = 0, out_row0 = 0, out_rows = 0, width = 0;
};

constexpr float kSafeMetricBound = 60.0f;

RT_HD bool skips_maximum(float metric_bound) {
    return metric_bound > 0.0f && metric_bound <= kSafeMetricBound;
}

inline namespace RETEMPO_ISA {

struct Displacement {
    float dx, dy;
};

// s (F + (s - 1) B) of one source pixel.
RT_HD Displacement displacement(const Candidate& candidate, int x, int local_y) {
    const float* f = candidate.flow.at(local_y, x);
    if (!candidate.bend) return {candidate.scale * f[0], candidate.scale * f[1]};
    const float* b = candidate.bend_at(local_y, x);
    const float bent = candidate.scale - 1.0f;
    return {candidate.scale * (f[0] + bent * b[0]), candidate.scale * (f[1] + bent * b[1])};
}

// What one source pixel brings: displacement, payload (-s F, M), Z. `alive` is false when it contributes
// nothing.
struct Contribution {
    float dx, dy, m, z;
    bool alive;
};

RT_HD Contribution contribution(const Candidate& candidate, int x, int local_y) {
    const Displacement d = displacement(candidate, x, local_y);
    const float z = *candidate.splat.at(local_y, x);
    const float m = *candidate.merge.at(local_y, x);
    return {d.dx, d.dy, m > 0.0f && is_finite(m) ? m : 0.0f, z, is_finite(z)};
}

// Maximum pass of one source pixel; x, y frame coordinates, sink.raise(frame y, x, z).
template <class F, class Sink>
RT_HD void raise_candidate(const F& footprint, const Candidate& candidate, const Strip& strip, Rows rows,
                           int x, int y, Sink&& sink) {
    const Contribution q = contribution(candidate, x, y - strip.source_row0);
    raise_maximum(footprint, x, y, q.dx, q.dy, q.z, rows, strip.width, sink);
}

// Sum pass: sink.add(frame y, x, weight, -dx, -dy, m) adds [weight * payload, weight]; sink.zmax(y, x) as in
// splat_pixel.
template <class F, class Sink>
RT_HD void splat_candidate(const F& footprint, const Candidate& candidate, const Strip& strip, bool bounded,
                           Rows rows, int x, int y, Sink&& sink) {
    const Contribution q = contribution(candidate, x, y - strip.source_row0);
    if (!q.alive) return;
    const Landing<F, float> at = land(footprint, x, y, q.dx, q.dy);
    const float factor = bounded ? exp_of(clamped(q.z, -kSafeMetricBound, kSafeMetricBound)) : 0.0f;
    for_each_tap(at.y, at.x, rows, strip.width, [&](int ty, int tx, float b, int, int) {
        const float w = b * (bounded ? factor : exp_of(q.z - sink.zmax(ty, tx)));
        if (w != 0.0f) sink.add(ty, tx, w, -q.dx, -q.dy, q.m);
    });
}

struct Payload {
    float fx, fy, m;
};

// -s F at the target itself, the reference of float accumulators (m = 0).
RT_HD Payload own_payload(const Candidate& candidate, const Strip& strip, int x, int y) {
    const Displacement d =
        displacement(candidate, x, clamped(y - strip.source_row0, 0, strip.source_rows - 1));
    return {-d.dx, -d.dy, 0.0f};
}

// Mean payload from the sums [fx, fy, m, w] relative to `reference`. sums[3] must not be 0.
template <class A>
RT_HD Payload mean_payload(const A* sums, Payload reference) {
    const A inverse = A(1) / sums[3];
    return {static_cast<float>(A(reference.fx) + sums[0] * inverse),
            static_cast<float>(A(reference.fy) + sums[1] * inverse), static_cast<float>(sums[2] * inverse)};
}

RT_HD float natural_log(float v) { // v > 0, normal
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    const int e = static_cast<int>((bits - 0x3f3504f3u) >> 23) - ((bits < 0x3f3504f3u) ? 512 : 0);
    bits -= static_cast<uint32_t>(e) << 23;
    float m;
    memcpy(&m, &bits, sizeof m);
    const float s = (m - 1.0f) / (m + 1.0f), q = s * s;
    const float p = s * (2.0f + q * (0.66666667f + q * (0.4f + q * (0.28571429f + q * 0.22222222f))));
    return p + static_cast<float>(e) * 0.69314718f;
}

// m^e for m >= 0; small whole exponents by multiplication.
RT_HD float power(float m, float e) {
    if (e == 1.0f) return m;
    if (e == 2.0f) return m * m;
    if (e == 4.0f) return (m * m) * (m * m);
    if (e == 0.0f) return m > 0.0f ? 1.0f : 0.0f;
    if (m < 1.1754944e-38f) return 0.0f;
    return exp_of(e * natural_log(m));
}

RT_HD float merge_weight(const SynthesisOptions& options, float candidate_weight, float m, float coverage) {
    float weight = options.merge == Merge::linear ? candidate_weight
                                                  : candidate_weight * power(m, options.merge_exponent);
    if (options.coverage_gate) weight *= larger(1e-3f, smaller(1.0f, coverage));
    return weight;
}

// A position p + F as pixel and fraction, and the pixel nearest to it.
struct Aim {
    int cell_x, cell_y;
    float fraction_x, fraction_y;
    RT_HD int nearest_x() const { return cell_x + (fraction_x >= 0.5f); }
    RT_HD int nearest_y() const { return cell_y + (fraction_y >= 0.5f); }
};

RT_HD Aim aim_at(int x, int y, float fx, float fy) {
    const Split<float> sx = split(fx), sy = split(fy);
    return {x + sx.cell, y + sy.cell, sx.fraction, sy.fraction};
}

RT_HD bool inside(const Aim& at, const Strip& strip) {
    const int nx = at.nearest_x(), ny = at.nearest_y();
    return nx >= 0 && nx < strip.width && ny >= 0 && ny < strip.frame_height;
}

// out = mix(out, frame(at), share) for all channels; share = 1 overwrites.
template <class Fl>
RT_HD void blend_with(const Fl& filter, const Image<const float>& frame, const Strip& strip, const Aim& at,
                      float share, float* out) {
    auto taps = aim(filter, at.cell_x, at.cell_y, at.fraction_x, at.fraction_y, strip.width,
                    strip.frame_height, Border::edge);
    for (int k = 0; k < Fl::count; ++k)
        taps.iy[k] = clamped(taps.iy[k] - strip.source_row0, 0, strip.source_rows - 1);
    for (int64_t c = 0; c < frame.c; ++c) {
        const float v = sample(taps, [&](int iy, int ix) { return frame.at(iy, ix)[c]; });
        out[c] = share >= 1.0f ? v : mix(out[c], v, share);
    }
}

RT_HD void blend_pixel(Filter filter, const Image<const float>& frame, const Strip& strip, const Aim& at,
                       float share, float* out) {
    if (filter == Filter::lanczos4)
        blend_with(Lanczos4Filter{}, frame, strip, at, share, out);
    else if (filter == Filter::bicubic)
        blend_with(LimitedBicubicFilter{}, frame, strip, at, share, out);
    else
        blend_with(BilinearFilter{}, frame, strip, at, share, out);
}

RT_HD void copy_ids(const Image<const uint32_t>& ids, const Strip& strip, const Aim& at, uint32_t* out) {
    const int x = clamped(at.nearest_x(), 0, strip.width - 1);
    const int y = clamped(clamped(at.nearest_y(), 0, strip.frame_height - 1) - strip.source_row0, 0,
                          strip.source_rows - 1);
    const uint32_t* from = ids.at(y, x);
    for (int64_t c = 0; c < ids.c; ++c) out[c] = from[c];
}

// A finished target of one candidate, before blending.
struct Resolved {
    Aim at;
    float weight; // a_i where inside; the fallback weight where not
    bool is_hole, is_inside;
};

template <class A>
RT_HD Resolved resolve(const SynthesisOptions& options, const Candidate& candidate, const Strip& strip,
                       const A* sums, Payload reference, float coverage, int x, int y) {
    if (!(sums[3] > A(0))) return {{0, 0, 0.0f, 0.0f}, 0.0f, true, false};
    const Payload mean = mean_payload(sums, reference);
    const Aim at = aim_at(x, y, mean.fx, mean.fy);
    return {at, merge_weight(options, candidate.weight, mean.m, coverage), false, inside(at, strip)};
}

// Fallback (b): where the candidate's own flow at the target says that the target comes from.
RT_HD Aim aim_own(const Candidate& candidate, const Strip& strip, int x, int y) {
    const Payload own = own_payload(candidate, strip, x, y);
    return aim_at(x, y, own.fx, own.fy);
}

// One whole target pixel: frame coordinates (x, y), local output row y - strip.out_row0.
// resolved(i) gives the Resolved of candidate i (called up to three times). `candidates` with weight 0 are
// skipped. out [c], ids_out [k] or null. Returns the hole code; *weight_sum = SUM a_i.
template <class Fl, class ResolvedOf>
RT_HD int synthesize_target(const Fl& filter, const Strip& strip, const Image<const float>* frames,
                            const Image<const uint32_t>* ids, const Candidate* candidates, int count, int x,
                            int y, ResolvedOf&& resolved, float* out, uint32_t* ids_out, float* weight_sum) {
    for (int stage = 0; stage < 3; ++stage) {
        float total = 0.0f, best = 0.0f;
        for (int i = 0; i < count; ++i) {
            const Candidate& candidate = candidates[i];
            if (candidate.weight == 0.0f) continue;
            float weight = candidate.weight;
            Aim at;
            if (stage == 2) {
                at = aim_own(candidate, strip, x, y);
            } else {
                const Resolved r = resolved(i);
                if (r.is_hole || r.is_inside != (stage == 0) || !(r.weight > 0.0f)) continue;
                at = r.at;
                weight = r.weight;
            }
            const bool first = total == 0.0f;
            total += weight;
            blend_with(filter, frames[candidate.frame], strip, at, first ? 1.0f : weight / total, out);
            if (ids_out && weight > best) {
                best = weight;
                copy_ids(ids[candidate.frame], strip, at, ids_out);
            }
        }
        if (total > 0.0f) {
            *weight_sum = stage == 0 ? total : 0.0f;
            return stage;
        }
    }
    *weight_sum = 0.0f;
    return 2;
}

} // namespace RETEMPO_ISA
} // namespace retempo

// What does one target pixel collect from one candidate's landing lists? The deterministic synthesis.
//
// The same sums as splat_candidate (synthesize.h), seen from the target, so that nothing is materialised
// between the flow and the finished pixel. No CUDA in here: a test compiles this file for the CPU.
#pragma once

#include <cmath>

#include "landing_cells.h"
#include "retempo/ops.h"

namespace retempo::cuda {

// Footprint weight of a contribution from (sx, sy) on (x, y); frame coordinates.
template <class F>
RT_HD float contribution_weight(const F& footprint, const Contribution& q, int sx, int sy, int x, int y) {
    const Split<float> dx = split(q.dx);
    const Split<float> dy = split(q.dy);
    return footprint.weight(y - (sy + dy.cell - F::before), dy.fraction) *
           footprint.weight(x - (sx + dx.cell - F::before), dx.fraction);
}

// Target (x, y) of one candidate, frame coordinates; `list_sample` is the candidate's number inside `lists`,
// whose sources are rows of the strip and whose targets are its output rows.
template <class F>
RT_HD Resolved gather_candidate(const F& footprint, const SynthesisOptions& options,
                                const Candidate& candidate, const Strip& strip, const LandingLists& lists,
                                int64_t list_sample, int x, int y) {
    const bool bounded = skips_maximum(options.metric_bound);
    const int row = y - strip.out_row0;
    float zmax = -INFINITY;
    if (!bounded) {
        lists.visit(list_sample, row, x, [&](int sy, int sx) {
            const Contribution q = contribution(candidate, sx, sy);
            if (!q.alive || q.z <= zmax) return;
            if (contribution_weight(footprint, q, sx, sy + strip.source_row0, x, y) != 0.0f) zmax = q.z;
        });
    }
    const Payload reference = own_payload(candidate, strip, x, y);
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    float coverage = 0.0f;
    lists.visit(list_sample, row, x, [&](int sy, int sx) {
        const Contribution q = contribution(candidate, sx, sy);
        if (!q.alive) return;
        if (options.coverage_gate)
            coverage += contribution_weight(Bilinear{}, q, sx, sy + strip.source_row0, x, y);
        const float b = contribution_weight(footprint, q, sx, sy + strip.source_row0, x, y);
        if (b == 0.0f) return;
        const float exponent = bounded ? clamped(q.z, -kSafeMetricBound, kSafeMetricBound) : q.z - zmax;
        const float w = b * exp_of(exponent);
        sums[0] += w * (-q.dx - reference.fx);
        sums[1] += w * (-q.dy - reference.fy);
        sums[2] += w * q.m;
        sums[3] += w;
    });
    return resolve(options, candidate, strip, sums, reference, coverage, x, y);
}

} // namespace retempo::cuda

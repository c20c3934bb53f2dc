// How does a whole in-between come out of the GPU in as few passes as possible?
//
// Default, three kernels over all candidates at once: raise the maxima (skipped where the metric is bounded),
// add the payloads with one float4 reduction a tap, then one pass that divides, aims, warps and merges.
// Deterministic: landing lists of all candidates, then that last pass gathers from them; no sums are stored
// at all.
#include <cmath>

#include "atomics.cuh"
#include "landing_lists.cuh"
#include "retempo/ops.h"
#include "synthesize_gather.h"

namespace retempo::cuda {
namespace {

constexpr int kMaxCandidates = 16;

// Everything a kernel needs, by value: no copy to the device, nothing that a captured graph could lose.
struct Job {
    SynthesisOptions options;
    Strip strip;
    Image<float> out;
    Image<uint32_t> ids_out;
    Image<uint8_t> hole;
    Image<float> weight_sum;
    int count;
    Candidate candidates[kMaxCandidates];      // those with a weight; `frame` indexes the arrays below
    Image<const float> frames[kMaxCandidates]; // the frames that these use
    Image<const uint32_t> ids[kMaxCandidates];
};
static_assert(sizeof(Job) + 128 <= 4096, "kernel arguments end at 4 KiB");

// Sums of one candidate over the output pixels; payloads are taken relative to the target's own
// (synthesize.h).
struct ScatterSink {
    const Candidate& candidate;
    const Strip& strip;
    float4* sums;
    float* maxima;
    float* coverage;

    __device__ int64_t index(int y, int x) const {
        return static_cast<int64_t>(y - strip.out_row0) * strip.width + x;
    }
    __device__ void raise(int y, int x, float z) const { atomic_raise(maxima + index(y, x), z); }
    __device__ float zmax(int y, int x) const { return maxima[index(y, x)]; }
    __device__ void add(int y, int x, float w, float fx, float fy, float m) const {
        const Payload own = own_payload(candidate, strip, x, y);
        atomic_add4(sums + index(y, x), make_float4(w * (fx - own.fx), w * (fy - own.fy), w * m, w));
    }
    __device__ void add(int y, int x, float b) const { atomicAdd(coverage + index(y, x), b); }
};

struct Sums {
    float4* sums;    // [candidates, rows, width] (fx, fy, m, weight)
    float* maxima;   // likewise, null where the metric is bounded
    float* coverage; // likewise, null without the gate
};

__device__ inline ScatterSink sink_of(const Job& job, const Sums& sums, int i) {
    const int64_t skip = static_cast<int64_t>(job.strip.out_rows) * job.strip.width * i;
    return {job.candidates[i], job.strip, sums.sums + skip, sums.maxima ? sums.maxima + skip : nullptr,
            sums.coverage ? sums.coverage + skip : nullptr};
}

__device__ inline Rows target_rows(const Strip& strip) {
    return {strip.out_row0, strip.out_row0 + strip.out_rows};
}

template <class F>
__global__ void __launch_bounds__(kThreads)
    raise_maxima(F footprint, const __grid_constant__ Job job, Sums sums) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int local = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= job.strip.width || local >= job.strip.source_rows) return;
    const ScatterSink sink = sink_of(job, sums, blockIdx.z);
    raise_candidate(footprint, sink.candidate, job.strip, target_rows(job.strip), x,
                    local + job.strip.source_row0, sink);
}

template <class F>
__global__ void __launch_bounds__(kThreads) scatter(F footprint, const __grid_constant__ Job job, Sums sums) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int local = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= job.strip.width || local >= job.strip.source_rows) return;
    const ScatterSink sink = sink_of(job, sums, blockIdx.z);
    const int y = local + job.strip.source_row0;
    const Rows rows = target_rows(job.strip);
    splat_candidate(footprint, sink.candidate, job.strip, skips_maximum(job.options.metric_bound), rows, x, y,
                    sink);
    if (job.options.coverage_gate) {
        const Contribution q = contribution(sink.candidate, x, local);
        if (q.alive) cover_pixel(x, y, q.dx, q.dy, rows, job.strip.width, sink);
    }
}

// The finished pixel; resolved(i) is candidate i seen from it.
template <class Fl, class ResolvedOf>
__device__ __forceinline__ void finish(const Fl& filter, const Job& job, int x, int row,
                                       ResolvedOf&& resolved) {
    const bool with_ids = static_cast<bool>(job.ids_out);
    float weight_sum = 0.0f;
    const int hole =
        synthesize_target(filter, job.strip, job.frames, with_ids ? job.ids : nullptr, job.candidates,
                          job.count, x, row + job.strip.out_row0, resolved, job.out.at(row, x),
                          with_ids ? job.ids_out.at(row, x) : nullptr, &weight_sum);
    if (job.hole) *job.hole.at(row, x) = static_cast<uint8_t>(hole);
    if (job.weight_sum) *job.weight_sum.at(row, x) = weight_sum;
}

template <class Fl>
__global__ void __launch_bounds__(kThreads)
    resolve_sums(Fl filter, const __grid_constant__ Job job, Sums sums) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int row = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= job.strip.width || row >= job.strip.out_rows) return;
    const int64_t pixels = static_cast<int64_t>(job.strip.out_rows) * job.strip.width;
    const int64_t pixel = static_cast<int64_t>(row) * job.strip.width + x;
    finish(filter, job, x, row, [&](int i) {
        const float4 sum = sums.sums[i * pixels + pixel];
        const float lanes[4] = {sum.x, sum.y, sum.z, sum.w};
        const float coverage = sums.coverage ? sums.coverage[i * pixels + pixel] : 0.0f;
        const int y = row + job.strip.out_row0;
        const Payload own = own_payload(job.candidates[i], job.strip, x, y);
        return resolve(job.options, job.candidates[i], job.strip, lanes, own, coverage, x, y);
    });
}

template <class Fl, class F>
__global__ void __launch_bounds__(kThreads)
    resolve_lists(Fl filter, F footprint, const __grid_constant__ Job job, LandingLists lists) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int row = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= job.strip.width || row >= job.strip.out_rows) return;
    finish(filter, job, x, row, [&](int i) {
        return gather_candidate(footprint, job.options, job.candidates[i], job.strip, lists, i, x,
                                row + job.strip.out_row0);
    });
}

// Floor of a landing, relative to the first output row.
struct CandidateFloor {
    Job job;
    __device__ int2 operator()(int sample, int y, int x) const {
        const Contribution q = contribution(job.candidates[sample], x, y);
        return make_int2(x + split(q.dx).cell,
                         y + job.strip.source_row0 - job.strip.out_row0 + split(q.dy).cell);
    }
};

// run(filter object) for the filter that the options name: a kernel each, or all would need the registers of
// the widest.
template <class Run>
void with_filter(Filter filter, Run&& run) {
    switch (filter) {
    case Filter::bicubic:
        run(LimitedBicubicFilter{});
        break;
    case Filter::lanczos4:
        run(Lanczos4Filter{});
        break;
    default:
        run(BilinearFilter{});
        break;
    }
}

template <class F>
void run(const F& footprint, const Job& job, cudaStream_t stream) {
    const Strip& strip = job.strip;
    Scratch scratch(stream);
    const dim3 targets = pixel_grid(strip.width, strip.out_rows, 1);
    if (job.options.deterministic) {
        const ListSize size{job.count, strip.source_rows, strip.width, strip.out_rows, strip.width};
        const LandingLists lists = build_landing_lists(
            CandidateFloor{job}, size, TapSpan{-F::before, F::count - 1 - F::before}, false, scratch);
        with_filter(job.options.filter, [&](auto filter) {
            resolve_lists<<<targets, pixel_block(), 0, stream>>>(filter, footprint, job, lists);
            check_launch("synthesize: gathering and merging");
        });
        return;
    }
    const int64_t all = static_cast<int64_t>(strip.out_rows) * strip.width * job.count;
    const dim3 sources = pixel_grid(strip.width, strip.source_rows, job.count);
    Sums sums = {};
    sums.sums = scratch.take<float4>(all, "the sums of the candidates");
    check(cudaMemsetAsync(sums.sums, 0, all * sizeof(float4), stream), "synthesize: clearing the sums");
    if (job.options.coverage_gate) {
        sums.coverage = scratch.take<float>(all, "the coverage of the candidates");
        check(cudaMemsetAsync(sums.coverage, 0, all * sizeof(float), stream),
              "synthesize: clearing the coverage");
    }
    if (!skips_maximum(job.options.metric_bound)) {
        sums.maxima = scratch.take<float>(all, "the maxima of the candidates");
        fill_with(sums.maxima, all, -INFINITY, stream);
        raise_maxima<<<sources, pixel_block(), 0, stream>>>(footprint, job, sums);
        check_launch("synthesize: raising the maxima");
    }
    scatter<<<sources, pixel_block(), 0, stream>>>(footprint, job, sums);
    check_launch("synthesize: adding");
    with_filter(job.options.filter, [&](auto filter) {
        resolve_sums<<<targets, pixel_block(), 0, stream>>>(filter, job, sums);
        check_launch("synthesize: dividing, warping and merging");
    });
}

// The candidates that count, and only the frames that these use.
Job collect(const Synthesis& views, const SynthesisOptions& options) {
    Job job = {};
    job.options = options;
    job.strip = views.strip;
    job.out = views.out;
    job.ids_out = views.ids ? views.ids_out : Image<uint32_t>{};
    job.hole = views.hole;
    job.weight_sum = views.weight_sum;
    int used[kMaxCandidates] = {};
    int used_count = 0;
    for (int i = 0; i < views.candidate_count; ++i) {
        Candidate candidate = views.candidates[i];
        if (candidate.weight == 0.0f) continue;
        if (job.count == kMaxCandidates) {
            throw std::invalid_argument("candidates: at most " + std::to_string(kMaxCandidates) +
                                        " with a weight over 0 fit one call on CUDA");
        }
        int slot = 0;
        while (slot < used_count && used[slot] != candidate.frame) ++slot;
        if (slot == used_count) {
            used[used_count++] = candidate.frame;
            job.frames[slot] = views.frames[candidate.frame];
            if (views.ids) job.ids[slot] = views.ids[candidate.frame];
        }
        candidate.frame = slot;
        job.candidates[job.count++] = candidate;
    }
    return job;
}

} // namespace

void synthesize(const Synthesis& views, const SynthesisOptions& options, void* stream) {
    if (views.strip.width == 0 || views.strip.out_rows == 0) return;
    check_size(views.strip.width, views.strip.frame_height, "frames");
    const Job job = collect(views, options);
    if (job.count == 0) throw std::invalid_argument("candidates: every weight is 0, expected one over 0");
    if (options.footprint == FootprintKind::gaussian) {
        run(Gaussian{options.sigma}, job, static_cast<cudaStream_t>(stream));
    } else {
        run(Bilinear{}, job, static_cast<cudaStream_t>(stream));
    }
}

} // namespace retempo::cuda

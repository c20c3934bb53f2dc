// How is a flow inverted on the GPU? Vectors are scattered with one float4 reduction a tap, or gathered in a
// fixed order; one pass divides; holes then find the nearest seen pixel through the nearest row of every
// column.
#include <cmath>

#include "atomics.cuh"
#include "inversion_gather.h"
#include "landing_lists.cuh"
#include "retempo/ops.h"

namespace retempo::cuda {
namespace {

// Payloads are taken relative to the target's own vector (inversion.h).
struct VectorSink {
    const Inversion& v;
    const Vector& q;
    float4* sums;
    float* maxima;

    __device__ int64_t index(int y, int x) const { return static_cast<int64_t>(y) * v.out.w + x; }
    __device__ void raise(int y, int x, float z) const { atomic_raise(maxima + index(y, x), z); }
    __device__ float zmax(int y, int x) const { return maxima[index(y, x)]; }
    __device__ void add(int y, int x, float w) const {
        const float* own = v.flow.at(y, x);
        const float trusted = w * q.trust;
        atomic_add4(sums + index(y, x),
                    make_float4(trusted * (own[0] - q.dx), trusted * (own[1] - q.dy), trusted, w));
    }
};

__device__ inline bool pixel_of(const Inversion& v, int* x, int* y) {
    *x = blockIdx.x * kBlockX + threadIdx.x;
    *y = blockIdx.y * kBlockY + threadIdx.y;
    return *x < v.out.w && *y < v.out.h;
}

__global__ void __launch_bounds__(kThreads) raise_maxima(Inversion v, float* maxima) {
    int x, y;
    if (!pixel_of(v, &x, &y)) return;
    const Vector q = vector_at(v.flow, v.metric, v.trust, x, y);
    raise_vector(q, x, y, static_cast<int>(v.out.w), static_cast<int>(v.out.h),
                 VectorSink{v, q, nullptr, maxima});
}

__global__ void __launch_bounds__(kThreads) scatter(Inversion v, float4* sums, float* maxima) {
    int x, y;
    if (!pixel_of(v, &x, &y)) return;
    const Vector q = vector_at(v.flow, v.metric, v.trust, x, y);
    splat_vector(q, x, y, maxima != nullptr, static_cast<int>(v.out.w), static_cast<int>(v.out.h),
                 VectorSink{v, q, sums, maxima});
}

__device__ inline void finish(const Inversion& v, int x, int y, const Inverse& made) {
    const float* value = v.guess && !made.seen ? v.guess.at(y, x) : nullptr;
    float* out = v.out.at(y, x);
    out[0] = value ? value[0] : (made.seen ? made.dx : 0.0f);
    out[1] = value ? value[1] : (made.seen ? made.dy : 0.0f);
    *v.seen.at(y, x) = made.seen ? 1 : 0;
}

__global__ void __launch_bounds__(kThreads) resolve_sums(Inversion v, const float4* sums) {
    int x, y;
    if (!pixel_of(v, &x, &y)) return;
    const float4 sum = sums[static_cast<int64_t>(y) * v.out.w + x];
    const float lanes[4] = {sum.x, sum.y, sum.z, sum.w};
    const float* own = v.flow.at(y, x);
    finish(v, x, y, resolve_inverse(lanes, -own[0], -own[1], static_cast<bool>(v.trust)));
}

__global__ void __launch_bounds__(kThreads) resolve_lists(Inversion v, LandingLists lists) {
    int x, y;
    if (!pixel_of(v, &x, &y)) return;
    finish(v, x, y, gather_inverse(v, lists, x, y));
}

struct VectorFloor {
    Image<const float> flow;
    __device__ int2 operator()(int, int y, int x) const {
        const float* f = flow.at(y, x);
        return make_int2(x + split(f[0]).cell, y + split(f[1]).cell);
    }
};

__global__ void __launch_bounds__(kThreads) find_rows(Inversion v, int* rows) {
    const int x = blockIdx.x * kThreads + threadIdx.x;
    if (x < v.out.w) find_rows_of_column(v, rows, x);
}

__global__ void __launch_bounds__(kThreads) fill_holes(Inversion v, const int* rows) {
    int x, y;
    if (!pixel_of(v, &x, &y) || *v.seen.at(y, x)) return;
    int column = 0, row = 0;
    if (!find_nearest(rows, static_cast<int>(v.out.w), x, y, &column, &row)) return;
    const float* from = v.out.at(row, column); // a seen pixel: no thread writes it
    float* out = v.out.at(y, x);
    out[0] = from[0];
    out[1] = from[1];
}

} // namespace

void invert_flow(const Inversion& v, const InversionOptions& options, void* stream_handle) {
    const int width = static_cast<int>(v.out.w), height = static_cast<int>(v.out.h);
    if (width == 0 || height == 0) return;
    check_size(width, height, "flow");
    const auto stream = static_cast<cudaStream_t>(stream_handle);
    const dim3 grid = pixel_grid(width, height, 1);
    const int64_t pixels = static_cast<int64_t>(width) * height;
    Scratch scratch(stream);
    if (options.deterministic) {
        const LandingLists lists = build_landing_lists(
            VectorFloor{v.flow}, ListSize{1, height, width, height, width}, TapSpan{0, 1}, false, scratch);
        resolve_lists<<<grid, pixel_block(), 0, stream>>>(v, lists);
        check_launch("invert_flow: gathering");
    } else {
        auto* sums = scratch.take<float4>(pixels, "the sums of an inverse flow");
        check(cudaMemsetAsync(sums, 0, pixels * sizeof(float4), stream), "invert_flow: clearing the sums");
        float* maxima = nullptr;
        if (v.metric) {
            maxima = scratch.take<float>(pixels, "the maxima of an inverse flow");
            fill_with(maxima, pixels, -INFINITY, stream);
            raise_maxima<<<grid, pixel_block(), 0, stream>>>(v, maxima);
            check_launch("invert_flow: raising the maxima");
        }
        scatter<<<grid, pixel_block(), 0, stream>>>(v, sums, maxima);
        check_launch("invert_flow: adding");
        resolve_sums<<<grid, pixel_block(), 0, stream>>>(v, sums);
        check_launch("invert_flow: dividing");
    }
    if (v.guess) return;
    auto* rows = scratch.take<int>(pixels, "the nearest rows of an inverse flow");
    find_rows<<<dim3((width + kThreads - 1) / kThreads), dim3(kThreads), 0, stream>>>(v, rows);
    check_launch("invert_flow: finding the nearest rows");
    fill_holes<<<grid, pixel_block(), 0, stream>>>(v, rows);
    check_launch("invert_flow: filling holes");
}

} // namespace retempo::cuda

// How does a payload travel along its flow on the GPU? By atomics, or gathered in a fixed order.
//
// Default: one thread a source pixel; its tap weights stay in registers and serve all channels. Sums go to
// scratch packed as float4 groups (channels, then the denominator), so that sm_90 adds four with one
// reduction; a resolve pass divides and unpacks. Deterministic: one thread a target pixel, over
// landing_lists.cuh.
#include "retempo/ops.h"
#include "retempo/splat_forward.h"

#include "atomics.cuh"
#include "landing_lists.cuh"
#include "splat_gather.h"

namespace retempo::cuda {
namespace {

constexpr int kGroups = 8; // float4 groups a pass: 32 sums, one of them the denominator

// Writes tap weights where a loop with constant bounds finds them again, so that they stay in registers.
template <int N>
struct TapRecord {
    float (&weight)[N * N];
    int first_y, first_x;
    View4<float> maximum;
    int64_t sample;

    __device__ void add(int y, int x, float w) const { weight[(y - first_y) * N + (x - first_x)] = w; }
    __device__ float zmax(int y, int x) const { return maximum(sample, 0, y, x); }
};

struct Raise {
    View4<float> maximum;
    int64_t sample;
    __device__ void raise(int y, int x, float z) const { atomic_raise(&maximum(sample, 0, y, x), z); }
};

struct Cover {
    View4<float> coverage;
    int64_t sample;
    __device__ void add(int y, int x, float b) const { atomicAdd(&coverage(sample, 0, y, x), b); }
};

template <class F>
__global__ void __launch_bounds__(kThreads) raise_maxima(F footprint, SplatForward<float> a) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int y = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= a.out.w || y >= a.out.h) return;
    const Rows rows{0, static_cast<int>(a.out.h)};
    for (int64_t n = blockIdx.z; n < a.out.n; n += gridDim.z) {
        raise_maximum(footprint, x, y, a.flow(n, 0, y, x), a.flow(n, 1, y, x), a.metric(n, 0, y, x), rows,
                      static_cast<int>(a.out.w), Raise{a.zmax, n});
    }
}

// Adds channels [first, first + channels) and, in the last lane used, the denominator.
template <class F>
__global__ void __launch_bounds__(kThreads) scatter(F footprint, Mode mode, SplatForward<float> a,
                                                    int64_t first, int channels, int groups, float4* sums) {
    constexpr int N = F::count;
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int y = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= a.out.w || y >= a.out.h) return;
    const int width = static_cast<int>(a.out.w);
    const int height = static_cast<int>(a.out.h);
    const Rows rows{0, height};
    for (int64_t n = blockIdx.z; n < a.out.n; n += gridDim.z) {
        const float dx = a.flow(n, 0, y, x);
        const float dy = a.flow(n, 1, y, x);
        const float z = a.metric ? a.metric(n, 0, y, x) : 0.0f;
        const int first_x = x + split(dx).cell - F::before;
        const int first_y = y + split(dy).cell - F::before;
        float weight[N * N];
#pragma unroll
        for (int k = 0; k < N * N; ++k) weight[k] = 0.0f;
        splat_pixel(footprint, mode, x, y, dx, dy, z, rows, width,
                    TapRecord<N>{weight, first_y, first_x, a.zmax, n});

        for (int group = 0; group < groups; ++group) {
            float lanes[4];
#pragma unroll
            for (int lane = 0; lane < 4; ++lane) {
                const int channel = group * 4 + lane;
                lanes[lane] = channel < channels ? a.payload(n, first + channel, y, x)
                                                 : (channel == channels ? 1.0f : 0.0f);
            }
#pragma unroll
            for (int k = 0; k < N * N; ++k) {
                const float w = weight[k];
                if (w == 0.0f) continue;
                const int64_t target = (n * height + first_y + k / N) * width + first_x + k % N;
                atomic_add4(sums + target * groups + group,
                            make_float4(w * lanes[0], w * lanes[1], w * lanes[2], w * lanes[3]));
            }
        }
        if (a.coverage && first == 0) cover_pixel(x, y, dx, dy, rows, width, Cover{a.coverage, n});
    }
}

__global__ void __launch_bounds__(kThreads)
    resolve(Mode mode, SplatForward<float> a, int64_t first, int channels, int groups, const float4* sums) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int y = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= a.out.w || y >= a.out.h) return;
    for (int64_t n = blockIdx.z; n < a.out.n; n += gridDim.z) {
        const float4* mine = sums + ((n * a.out.h + y) * a.out.w + x) * groups;
        const float total = reinterpret_cast<const float*>(mine)[channels];
        if (first == 0) a.norm(n, 0, y, x) = total;
        const bool hole = total == 0.0f;
        for (int group = 0; group < groups; ++group) {
            const float4 sum = mine[group];
            const float lanes[4] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
            for (int lane = 0; lane < 4; ++lane) {
                const int channel = group * 4 + lane;
                if (channel >= channels) break;
                const float value = mode == Mode::sum ? lanes[lane] : lanes[lane] / total;
                a.out(n, first + channel, y, x) = hole ? 0.0f : value;
            }
        }
    }
}

template <class F>
void scatter_all(const F& footprint, Mode mode, const SplatForward<float>& a, cudaStream_t stream) {
    const dim3 grid = pixel_grid(a.out.w, a.out.h, a.out.n);
    const int64_t pixels = a.out.n * a.out.h * a.out.w;
    Scratch scratch(stream);
    if (mode == Mode::softmax) {
        fill_with(a.zmax.data, pixels, -INFINITY, stream);
        raise_maxima<<<grid, pixel_block(), 0, stream>>>(footprint, a);
        check_launch("splat_forward: raising zmax");
    }
    if (a.coverage) {
        check(cudaMemsetAsync(a.coverage.data, 0, pixels * sizeof(float), stream),
              "splat_forward: clearing coverage");
    }
    const int64_t at_once = kGroups * 4 - 1;
    const int64_t widest = (smaller(a.payload.c, at_once) + 4) / 4;
    auto* sums = scratch.take<float4>(pixels * widest, "the sums of a splat");
    for (int64_t first = 0; first == 0 || first < a.payload.c; first += at_once) {
        const int channels = static_cast<int>(smaller(a.payload.c - first, at_once));
        const int groups = (channels + 4) / 4;
        check(cudaMemsetAsync(sums, 0, pixels * groups * sizeof(float4), stream),
              "splat_forward: clearing sums");
        scatter<<<grid, pixel_block(), 0, stream>>>(footprint, mode, a, first, channels, groups, sums);
        check_launch("splat_forward: adding");
        resolve<<<grid, pixel_block(), 0, stream>>>(mode, a, first, channels, groups, sums);
        check_launch("splat_forward: dividing");
    }
}

// Deterministic: one thread a target pixel (splat_gather.h).
template <class F>
__global__ void __launch_bounds__(kThreads) gather(F footprint, Mode mode, SplatForward<float> a,
                                                   int64_t first_sample, int samples, LandingLists lists) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int y = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= a.out.w || y >= a.out.h) return;
    for (int local = blockIdx.z; local < samples; local += gridDim.z) {
        gather_pixel(footprint, mode, a, lists, first_sample + local, local, y, x);
    }
}

struct LandingFloor {
    View4<const float> flow;
    int64_t first_sample;
    __device__ int2 operator()(int sample, int y, int x) const {
        const int64_t n = first_sample + sample;
        return make_int2(x + split(flow(n, 0, y, x)).cell, y + split(flow(n, 1, y, x)).cell);
    }
};

template <class F>
void gather_all(const F& footprint, Mode mode, const SplatForward<float>& a, cudaStream_t stream) {
    const int width = static_cast<int>(a.out.w);
    const int height = static_cast<int>(a.out.h);
    const int64_t at_once = larger<int64_t>(1, (int64_t{1} << 30) / (a.out.h * a.out.w));
    for (int64_t first = 0; first < a.out.n; first += at_once) {
        const int samples = static_cast<int>(smaller(a.out.n - first, at_once));
        Scratch scratch(stream);
        const LandingLists lists =
            build_landing_lists(LandingFloor{a.flow, first}, ListSize{samples, height, width, height, width},
                                TapSpan{-F::before, F::count - 1 - F::before}, false, scratch);
        gather<<<pixel_grid(width, height, samples), pixel_block(), 0, stream>>>(footprint, mode, a, first,
                                                                                 samples, lists);
        check_launch("splat_forward: gathering");
    }
}

template <class F>
void splat(const F& footprint, const SplatForward<float>& views, const SplatOptions& options,
           cudaStream_t stream) {
    if (options.deterministic) {
        gather_all(footprint, options.mode, views, stream);
    } else {
        scatter_all(footprint, options.mode, views, stream);
    }
}

} // namespace

void splat_forward(const SplatForward<float>& views, const SplatOptions& options, void* stream) {
    check_size(views.out.w, views.out.h, "payload");
    if (options.footprint == FootprintKind::gaussian) {
        splat(Gaussian{options.sigma}, views, options, static_cast<cudaStream_t>(stream));
    } else {
        splat(Bilinear{}, views, options, static_cast<cudaStream_t>(stream));
    }
}

} // namespace retempo::cuda

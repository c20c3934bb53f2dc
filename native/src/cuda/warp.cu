// How does an image get looked up along a flow on the GPU, and how do gradients come back?
//
// The forward and the gradient of the flow gather, one thread a sample. The gradient of the image is the
// transpose: atomics by default, a gather over landing lists when deterministic.
#include "landing_lists.cuh"
#include "retempo/ops.h"
#include "warp_gather.h"

namespace retempo::cuda {
namespace {

struct Pixel {
    int x, y;
};

__device__ inline Pixel own_pixel() {
    return {static_cast<int>(blockIdx.x * kBlockX + threadIdx.x),
            static_cast<int>(blockIdx.y * kBlockY + threadIdx.y)};
}

template <class Fl>
__global__ void __launch_bounds__(kThreads) forward(Fl filter, Border border, WarpForward<float> v) {
    const Pixel at = own_pixel();
    if (at.x >= v.out.w || at.y >= v.out.h) return;
    for (int64_t n = blockIdx.z; n < v.out.n; n += gridDim.z) {
        warp_pixel(filter, border, v.image, v.flow, v.out, n, at.y, at.x);
    }
}

template <class Fl>
__global__ void __launch_bounds__(kThreads) flow_gradient(Fl filter, Border border, WarpBackward<float> v) {
    const Pixel at = own_pixel();
    if (at.x >= v.flow.w || at.y >= v.flow.h) return;
    for (int64_t n = blockIdx.z; n < v.flow.n; n += gridDim.z) {
        warp_backward_flow(filter, border, v.grad_out, v.image, v.flow, v.grad_flow, n, at.y, at.x);
    }
}

// Adds one sample's gradient to the pixels it read, all channels with the same weight.
struct AddGradient {
    const WarpBackward<float>& v;
    int64_t n;
    Pixel at;
    __device__ void add(int iy, int ix, float weight) const {
        for (int64_t c = 0; c < v.grad_image.c; ++c) {
            atomicAdd(&v.grad_image(n, c, iy, ix), weight * v.grad_out(n, c, at.y, at.x));
        }
    }
};

template <class Fl>
__global__ void __launch_bounds__(kThreads)
    scatter_image_gradient(Fl filter, Border border, WarpBackward<float> v) {
    const Pixel at = own_pixel();
    if (at.x >= v.flow.w || at.y >= v.flow.h) return;
    const int width = static_cast<int>(v.grad_image.w);
    const int height = static_cast<int>(v.grad_image.h);
    for (int64_t n = blockIdx.z; n < v.flow.n; n += gridDim.z) {
        warp_backward_image(filter, border, width, height, at.x, at.y, v.flow(n, 0, at.y, at.x),
                            v.flow(n, 1, at.y, at.x), 0, height, AddGradient{v, n, at});
    }
}

template <class Fl>
__global__ void __launch_bounds__(kThreads)
    gather_image_gradients(Fl filter, Border border, WarpBackward<float> v, LandingLists lists, int64_t first,
                           int samples) {
    const Pixel at = own_pixel();
    if (at.x >= v.grad_image.w || at.y >= v.grad_image.h) return;
    for (int local = blockIdx.z; local < samples; local += gridDim.z) {
        gather_image_gradient(filter, border, v, lists, first + local, local, at.y, at.x);
    }
}

struct SampleFloor {
    View4<const float> flow;
    int64_t first;
    __device__ int2 operator()(int sample, int y, int x) const {
        const int64_t n = first + sample;
        return make_int2(x + split(flow(n, 0, y, x)).cell, y + split(flow(n, 1, y, x)).cell);
    }
};

template <class Fl>
void image_gradient(const Fl& filter, const WarpBackward<float>& v, const WarpOptions& options,
                    cudaStream_t stream) {
    if (!options.deterministic) {
        const std::size_t bytes =
            sizeof(float) * v.grad_image.n * v.grad_image.c * v.grad_image.h * v.grad_image.w;
        check(cudaMemsetAsync(v.grad_image.data, 0, bytes, stream), "warp_backward: clearing grad_image");
        scatter_image_gradient<<<pixel_grid(v.flow.w, v.flow.h, v.flow.n), pixel_block(), 0, stream>>>(
            filter, options.border, v);
        check_launch("warp_backward: grad_image");
        return;
    }
    const int64_t pixels = larger(v.flow.h * v.flow.w, v.grad_image.h * v.grad_image.w);
    const int64_t at_once = larger<int64_t>(1, (int64_t{1} << 30) / pixels);
    for (int64_t first = 0; first < v.flow.n; first += at_once) {
        const int samples = static_cast<int>(smaller(v.flow.n - first, at_once));
        Scratch scratch(stream);
        const ListSize size{samples, static_cast<int>(v.flow.h), static_cast<int>(v.flow.w),
                            static_cast<int>(v.grad_image.h), static_cast<int>(v.grad_image.w)};
        const LandingLists lists = build_landing_lists(SampleFloor{v.flow, first}, size, span_of(filter),
                                                       options.border == Border::edge, scratch);
        gather_image_gradients<<<pixel_grid(size.target_width, size.target_height, samples), pixel_block(), 0,
                                 stream>>>(filter, options.border, v, lists, first, samples);
        check_launch("warp_backward: gathering grad_image");
    }
}

// Channel-last, one thread an output pixel.
template <class Fl>
__global__ void __launch_bounds__(kThreads) forward_image(Fl filter, Border border, WarpImage v) {
    const Pixel at = own_pixel();
    if (at.x >= v.out.w || at.y >= v.out.h) return;
    const float* flow = v.flow.at(at.y, at.x);
    const auto taps = aim_along(filter, at.x, at.y, flow[0], flow[1], static_cast<int>(v.image.w),
                                static_cast<int>(v.image.h), border);
    float* out = v.out.at(at.y, at.x);
    for (int64_t c = 0; c < v.out.c; ++c) {
        out[c] = sample(taps, [&](int iy, int ix) { return v.image.at(iy, ix)[c]; });
    }
}

__global__ void __launch_bounds__(kThreads) forward_ids(Border border, WarpIds v) {
    const Pixel at = own_pixel();
    if (at.x >= v.out.w || at.y >= v.out.h) return;
    const float* flow = v.flow.at(at.y, at.x);
    const auto taps = aim_along(NearestFilter{}, at.x, at.y, flow[0], flow[1], static_cast<int>(v.ids.w),
                                static_cast<int>(v.ids.h), border);
    uint32_t* out = v.out.at(at.y, at.x);
    const bool outside = taps.ix[0] < 0 || taps.iy[0] < 0;
    for (int64_t c = 0; c < v.out.c; ++c) out[c] = outside ? 0u : v.ids.at(taps.iy[0], taps.ix[0])[c];
}

// run(filter object) for the filter that the options name; Bicubic is the limited one for pictures.
template <class Bicubic = BicubicFilter, class Run>
void with_filter(Filter filter, Run&& run) {
    switch (filter) {
    case Filter::nearest:
        run(NearestFilter{});
        break;
    case Filter::bicubic:
        run(Bicubic{});
        break;
    case Filter::lanczos4:
        run(Lanczos4Filter{});
        break;
    default:
        run(BilinearFilter{});
        break;
    }
}

} // namespace

void warp_forward(const WarpForward<float>& views, const WarpOptions& options, void* stream) {
    check_size(views.image.w, views.image.h, "image");
    check_size(views.out.w, views.out.h, "flow");
    with_filter(options.filter, [&](auto filter) {
        forward<<<pixel_grid(views.out.w, views.out.h, views.out.n), pixel_block(), 0,
                  static_cast<cudaStream_t>(stream)>>>(filter, options.border, views);
        check_launch("warp_forward");
    });
}

void warp_backward(const WarpBackward<float>& views, const WarpOptions& options, void* stream) {
    check_size(views.image.w, views.image.h, "image");
    check_size(views.flow.w, views.flow.h, "flow");
    const auto queue = static_cast<cudaStream_t>(stream);
    with_filter(options.filter, [&](auto filter) {
        if (views.grad_image) image_gradient(filter, views, options, queue);
        if (!views.grad_flow) return;
        flow_gradient<<<pixel_grid(views.flow.w, views.flow.h, views.flow.n), pixel_block(), 0, queue>>>(
            filter, options.border, views);
        check_launch("warp_backward: grad_flow");
    });
}

void warp_image(const WarpImage& views, const WarpOptions& options, void* stream) {
    check_size(views.image.w, views.image.h, "image");
    check_size(views.out.w, views.out.h, "flow");
    with_filter<LimitedBicubicFilter>(options.filter, [&](auto filter) {
        forward_image<<<pixel_grid(views.out.w, views.out.h, 1), pixel_block(), 0,
                        static_cast<cudaStream_t>(stream)>>>(filter, options.border, views);
        check_launch("warp_image");
    });
}

void warp_ids(const WarpIds& views, const WarpOptions& options, void* stream) {
    check_size(views.ids.w, views.ids.h, "ids");
    check_size(views.out.w, views.out.h, "flow");
    forward_ids<<<pixel_grid(views.out.w, views.out.h, 1), pixel_block(), 0,
                  static_cast<cudaStream_t>(stream)>>>(options.border, views);
    check_launch("warp_ids");
}

} // namespace retempo::cuda

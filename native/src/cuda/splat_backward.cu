// How does each input of a splat move the loss, on the GPU? The CPU's gather, one thread a source pixel.
#include "retempo/ops.h"
#include "retempo/splat_backward.h"

#include "device.cuh"

namespace retempo::cuda {
namespace {

template <class F>
__global__ void __launch_bounds__(kThreads) backward(F footprint, Mode mode, SplatBackward<float> g) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int y = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= g.out.w || y >= g.out.h) return;
    for (int64_t n = blockIdx.z; n < g.out.n; n += gridDim.z) {
        splat_backward_pixel(footprint, mode, g.grad_out, g.payload, g.flow, g.metric, g.out, g.norm, g.zmax,
                             g.grad_payload, g.grad_flow, g.grad_metric, n, y, x);
    }
}

} // namespace

void splat_backward(const SplatBackward<float>& views, const SplatOptions& options, void* stream) {
    check_size(views.out.w, views.out.h, "payload");
    const auto queue = static_cast<cudaStream_t>(stream);
    const dim3 grid = pixel_grid(views.out.w, views.out.h, views.out.n);
    if (options.footprint == FootprintKind::gaussian) {
        backward<<<grid, pixel_block(), 0, queue>>>(Gaussian{options.sigma}, options.mode, views);
    } else {
        backward<<<grid, pixel_block(), 0, queue>>>(Bilinear{}, options.mode, views);
    }
    check_launch("splat_backward");
}

} // namespace retempo::cuda

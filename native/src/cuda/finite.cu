// Is every number of an array finite, and if not, which is the first that is not?
#include "device.cuh"
#include "retempo/ops.h"

namespace retempo::cuda {
namespace {

constexpr unsigned long long kNone = ~0ull;

__global__ void __launch_bounds__(kThreads)
    find_first(const float* data, int64_t count, unsigned long long* first) {
    const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
        if (!is_finite(data[i])) {
            atomicMin(first, static_cast<unsigned long long>(i));
            return; // later ones of this thread are not the first
        }
    }
}

} // namespace

int64_t find_non_finite(const float* data, int64_t count, void* stream) {
    const auto queue = static_cast<cudaStream_t>(stream);
    unsigned long long found = kNone;
    {
        Scratch scratch(queue);
        auto* first = scratch.take<unsigned long long>(1, "the finite check");
        check(cudaMemsetAsync(first, 0xff, sizeof found, queue), "clearing the finite check");
        const int64_t blocks = smaller<int64_t>((count + kThreads - 1) / kThreads, 4096);
        find_first<<<static_cast<unsigned>(larger<int64_t>(blocks, 1)), kThreads, 0, queue>>>(data, count,
                                                                                              first);
        check_launch("the finite check");
        check(cudaMemcpyAsync(&found, first, sizeof found, cudaMemcpyDeviceToHost, queue),
              "reading the finite check");
        check(cudaStreamSynchronize(queue), "waiting for the finite check");
    }
    return found == kNone ? -1 : static_cast<int64_t>(found);
}

} // namespace retempo::cuda

// How is every cell's list brought into one order? Short lists by one thread, long ones by a block.
#include "landing_lists.cuh"

#include <cub/device/device_scan.cuh>

namespace retempo::cuda {
namespace {

// Almost every list holds 0 to 3 sources; strong minification or a collapsed flow makes longer ones.
constexpr uint32_t kShort = 32;
constexpr int kSortThreads = 256;
constexpr int kSortBlocks = 1024;

// Insertion sort of the short lists; queues the long ones.
__global__ void __launch_bounds__(kThreads)
    sort_short_lists(const uint32_t* first, uint32_t* source, int64_t cells, int64_t* queue,
                     unsigned int* queued) {
    const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
    for (int64_t cell = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; cell < cells;
         cell += stride) {
        const uint32_t begin = first[cell];
        const uint32_t length = first[cell + 1] - begin;
        if (length < 2) continue;
        if (length > kShort) {
            queue[atomicAdd(queued, 1u)] = cell;
            continue;
        }
        uint32_t* list = source + begin;
        for (uint32_t i = 1; i < length; ++i) {
            const uint32_t value = list[i];
            uint32_t j = i;
            for (; j > 0 && list[j - 1] > value; --j) list[j] = list[j - 1];
            list[j] = value;
        }
    }
}

// Bitonic sort (landing_cells.h), one block a list.
__global__ void __launch_bounds__(kSortThreads)
    sort_long_lists(const uint32_t* first, uint32_t* source, const int64_t* queue,
                    const unsigned int* queued) {
    for (unsigned int entry = blockIdx.x; entry < *queued; entry += gridDim.x) {
        const int64_t cell = queue[entry];
        uint32_t* list = source + first[cell];
        const uint64_t length = first[cell + 1] - first[cell];
        for (uint64_t run = 2; run / 2 < length; run *= 2) {
            const uint64_t pairs = pairs_in(length, run);
            for (uint64_t i = threadIdx.x; i < pairs; i += blockDim.x) {
                put_in_order(list, mirrored_pair(i, run), length);
            }
            __syncthreads();
            for (uint64_t gap = run / 4; gap > 0; gap /= 2) {
                for (uint64_t i = threadIdx.x; i < pairs; i += blockDim.x) {
                    put_in_order(list, gap_pair(i, gap), length);
                }
                __syncthreads();
            }
        }
    }
}

} // namespace

void scan_landings(uint32_t* count, uint32_t* first, int64_t length, Scratch& scratch) {
    const cudaStream_t stream = scratch.stream();
    std::size_t bytes = 0;
    check(cub::DeviceScan::ExclusiveSum(nullptr, bytes, count, first, length, stream),
          "sizing the landing scan");
    void* workspace = scratch.take<unsigned char>(static_cast<int64_t>(bytes), "the landing scan");
    check(cub::DeviceScan::ExclusiveSum(workspace, bytes, count, first, length, stream), "scanning landings");
}

void sort_landings(const LandingLists& lists, uint32_t* source, int64_t cells, int64_t sources,
                   Scratch& scratch) {
    const cudaStream_t stream = scratch.stream();
    auto* queue = scratch.take<int64_t>(sources / (kShort + 1) + 1, "the long landing lists");
    auto* queued = scratch.take<unsigned int>(1, "the number of long landing lists");
    check(cudaMemsetAsync(queued, 0, sizeof(unsigned int), stream), "clearing the number of long lists");
    const int64_t wanted = (cells + kThreads - 1) / kThreads;
    const auto blocks = static_cast<unsigned>(wanted < (1 << 20) ? wanted : (1 << 20));
    sort_short_lists<<<blocks, kThreads, 0, stream>>>(lists.first, source, cells, queue, queued);
    check_launch("sorting short landing lists");
    sort_long_lists<<<kSortBlocks, kSortThreads, 0, stream>>>(lists.first, source, queue, queued);
    check_launch("sorting long landing lists");
}

} // namespace retempo::cuda

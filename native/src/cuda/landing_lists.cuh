// How are the landing lists of landing_cells.h built on the device, on one stream, without a pause?
#pragma once

#include "device.cuh"
#include "landing_cells.h"

namespace retempo::cuda {

// first[i] = count[0] + ... + count[i - 1] (landing_lists.cu).
void scan_landings(uint32_t* count, uint32_t* first, int64_t length, Scratch& scratch);

// Sorts every cell's run by source index (landing_lists.cu).
void sort_landings(const LandingLists& lists, uint32_t* source, int64_t cells, int64_t sources,
                   Scratch& scratch);

struct ListSize {
    int samples;       // their sources together must stay under 2^31
    int height, width; // of the sources
    int target_height, target_width;
};

// `Floor`: __device__ int2 operator()(int sample, int y, int x) -> floor of the landing point, in pixels.
template <class Floor>
__global__ void __launch_bounds__(kThreads)
    count_landings(Floor floor_of, ListSize size, LandingLists shape, bool held, uint32_t* count) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int y = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= size.width || y >= size.height) return;
    for (int sample = blockIdx.z; sample < size.samples; sample += gridDim.z) {
        const int2 floor = floor_of(sample, y, x);
        const int64_t cell = landing_cell(sample, floor.y, floor.x, shape, held);
        if (cell >= 0) atomicAdd(count + cell, 1u);
    }
}

template <class Floor>
__global__ void __launch_bounds__(kThreads) fill_landings(Floor floor_of, ListSize size, LandingLists shape,
                                                          bool held, uint32_t* count, uint32_t* source) {
    const int x = blockIdx.x * kBlockX + threadIdx.x;
    const int y = blockIdx.y * kBlockY + threadIdx.y;
    if (x >= size.width || y >= size.height) return;
    for (int sample = blockIdx.z; sample < size.samples; sample += gridDim.z) {
        const int2 floor = floor_of(sample, y, x);
        const int64_t cell = landing_cell(sample, floor.y, floor.x, shape, held);
        if (cell >= 0) source[shape.first[cell] + atomicSub(count + cell, 1u) - 1u] = pack(y, x);
    }
}

// Builds the lists of where the sources land among the targets; they live as long as `scratch`.
template <class Floor>
LandingLists build_landing_lists(const Floor& floor_of, const ListSize& size, TapSpan span, bool held,
                                 Scratch& scratch) {
    if (larger(size.width, size.height) > kMaxListSide) {
        throw std::invalid_argument("deterministic: sides beyond 65536 pixels are not supported on CUDA");
    }
    const cudaStream_t stream = scratch.stream();
    LandingLists result = {};
    result.span = span;
    result.cells_x = size.target_width + span.hi - span.lo;
    result.cells_y = size.target_height + span.hi - span.lo;
    const int64_t cells = static_cast<int64_t>(size.samples) * result.cells_x * result.cells_y;
    const int64_t sources = static_cast<int64_t>(size.samples) * size.width * size.height;
    auto* count = scratch.take<uint32_t>(cells + 1, "landing counts");
    auto* first = scratch.take<uint32_t>(cells + 1, "landing offsets");
    auto* source = scratch.take<uint32_t>(sources, "landing lists");
    result.first = first;
    result.source = source;

    const dim3 grid = pixel_grid(size.width, size.height, size.samples);
    check(cudaMemsetAsync(count, 0, static_cast<std::size_t>(cells + 1) * sizeof(uint32_t), stream),
          "clearing the landing counts");
    count_landings<<<grid, pixel_block(), 0, stream>>>(floor_of, size, result, held, count);
    check_launch("counting landings");
    scan_landings(count, first, cells + 1, scratch);
    fill_landings<<<grid, pixel_block(), 0, stream>>>(floor_of, size, result, held, count, source);
    check_launch("filling the landing lists");
    sort_landings(result, source, cells, sources, scratch);
    return result;
}

} // namespace retempo::cuda

// What is the least of CUDA that runs the launchers of native/src/cuda on a CPU, one thread after the other?
//
// For tests on machines without a GPU: it proves indices, sizes, scratch and the order of passes, not speed
// and not races. Fresh memory is filled with a pattern, so that what was not cleared shows. `backwards` turns
// the order of blocks and threads around: a deterministic result must not care.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __grid_constant__
#define __launch_bounds__(...)

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct int2 {
    int x, y;
};
struct float2 {
    float x, y;
};
struct float4 {
    float x, y, z, w;
};
inline int2 make_int2(int x, int y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

inline dim3 blockIdx, threadIdx, blockDim, gridDim;

namespace emulation {

inline bool backwards = false;
inline int64_t blocks_alive = 0; // scratch that was not freed
inline int64_t bytes_left = -1;  // when >= 0, an allocation beyond it fails

template <class Kernel>
void launch(dim3 grid, dim3 block, Kernel&& kernel) {
    const uint64_t blocks = uint64_t(grid.x) * grid.y * grid.z,
                   threads = uint64_t(block.x) * block.y * block.z;
    gridDim = grid;
    blockDim = block;
    for (uint64_t i = 0; i < blocks * threads; ++i) {
        const uint64_t k = backwards ? blocks * threads - 1 - i : i;
        const uint64_t b = k / threads, t = k % threads;
        blockIdx = dim3(b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y);
        threadIdx = dim3(t % block.x, t / block.x % block.y, t / block.x / block.y);
        kernel();
    }
}

} // namespace emulation

template <class T>
T atomicAdd(T* target, T value) {
    const T before = *target;
    *target += value;
    return before;
}
template <class T>
T atomicSub(T* target, T value) {
    const T before = *target;
    *target -= value;
    return before;
}
template <class T>
T atomicMax(T* target, T value) {
    const T before = *target;
    if (value > before) *target = value;
    return before;
}
template <class T>
T atomicMin(T* target, T value) {
    const T before = *target;
    if (value < before) *target = value;
    return before;
}
template <class To, class From>
To bits_of(From from) {
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
inline int __float_as_int(float v) { return bits_of<int>(v); }
inline unsigned __float_as_uint(float v) { return bits_of<unsigned>(v); }
inline void __syncthreads() {} // kernels that call it are launched with one thread a block

using cudaStream_t = void*;
using cudaMemPool_t = void*;
enum cudaError_t { cudaSuccess, cudaErrorMemoryAllocation };
enum {
    cudaMemAllocationTypePinned,
    cudaMemLocationTypeDevice,
    cudaMemPoolAttrReleaseThreshold,
    cudaMemcpyDeviceToHost
};
struct cudaMemPoolProps {
    int allocType;
    struct {
        int type, id;
    } location;
};

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline const char* cudaGetErrorString(cudaError_t) { return "emulated error"; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaSetDevice(int) { return cudaSuccess; }
inline cudaError_t cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
inline cudaError_t cudaMemPoolCreate(cudaMemPool_t* pool, const cudaMemPoolProps*) {
    return *pool = pool, cudaSuccess;
}
inline cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, int, void*) { return cudaSuccess; }
inline cudaError_t cudaMemGetInfo(size_t* free, size_t* total) { return *free = 1, *total = 2, cudaSuccess; }
inline cudaError_t cudaMallocFromPoolAsync(void** block, size_t bytes, cudaMemPool_t, cudaStream_t) {
    if (emulation::bytes_left >= 0 && static_cast<int64_t>(bytes) > emulation::bytes_left) {
        return cudaErrorMemoryAllocation;
    }
    *block = std::malloc(bytes);
    std::memset(*block, 0xcd, bytes);
    ++emulation::blocks_alive;
    return cudaSuccess;
}
inline cudaError_t cudaFreeAsync(void* block, cudaStream_t) {
    std::free(block);
    --emulation::blocks_alive;
    return cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* data, int value, size_t bytes, cudaStream_t) {
    return std::memset(data, value, bytes), cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, int, cudaStream_t) {
    return std::memcpy(to, from, bytes), cudaSuccess;
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

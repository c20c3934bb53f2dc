// Which devices are there, and where do a launcher's errors and scratch memory come from? (see device.cuh)
#include "device.cuh"

#include "retempo/ops.h"

#include <mutex>

namespace retempo::cuda {
namespace {

// Freed scratch up to this many bytes a device stays in the pool, so that the next launch finds it mapped.
constexpr uint64_t kKeptBytes = uint64_t{2} << 30;
constexpr int kMaxDevices = 64;

// A pool of our own: its threshold does not touch what other users of the device see.
cudaMemPool_t scratch_pool() {
    static std::mutex mutex;
    static cudaMemPool_t pools[kMaxDevices] = {};
    int device = 0;
    check(cudaGetDevice(&device), "reading the current device");
    if (device >= kMaxDevices) throw std::runtime_error("more than 64 CUDA devices");
    const std::lock_guard<std::mutex> lock(mutex);
    if (pools[device] == nullptr) {
        cudaMemPoolProps properties = {};
        properties.allocType = cudaMemAllocationTypePinned;
        properties.location.type = cudaMemLocationTypeDevice;
        properties.location.id = device;
        check(cudaMemPoolCreate(&pools[device], &properties), "creating the scratch memory pool");
        uint64_t kept = kKeptBytes;
        check(cudaMemPoolSetAttribute(pools[device], cudaMemPoolAttrReleaseThreshold, &kept),
              "setting up the scratch memory pool");
    }
    return pools[device];
}

std::string megabytes(std::size_t bytes) { return std::to_string((bytes >> 20) + 1) + " MiB"; }

__global__ void __launch_bounds__(kThreads) fill(float* data, int64_t count, float value) {
    const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += stride) {
        data[i] = value;
    }
}

} // namespace

void fill_with(float* data, int64_t count, float value, cudaStream_t stream) {
    const int64_t blocks = smaller<int64_t>((count + kThreads - 1) / kThreads, 65536);
    fill<<<static_cast<unsigned>(larger<int64_t>(blocks, 1)), kThreads, 0, stream>>>(data, count, value);
    check_launch("filling an array");
}

void check(cudaError_t status, const char* doing) {
    if (status == cudaSuccess) return;
    const std::string what = std::string(doing) + ": " + cudaGetErrorString(status);
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError(); // not sticky: the caller may go on with a smaller frame
        throw DeviceOutOfMemory(what);
    }
    throw std::runtime_error(what);
}

Scratch::Scratch(cudaStream_t stream) : stream_(stream), pool_(scratch_pool()) {}

Scratch::~Scratch() {
    for (void* block : blocks_) cudaFreeAsync(block, stream_);
}

void* Scratch::take_bytes(std::size_t bytes, const char* purpose) {
    if (bytes == 0) bytes = 1;
    void* block = nullptr;
    blocks_.reserve(blocks_.size() + 1);
    const cudaError_t status = cudaMallocFromPoolAsync(&block, bytes, pool_, stream_);
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        std::size_t free = 0;
        std::size_t total = 0;
        cudaMemGetInfo(&free, &total);
        throw DeviceOutOfMemory("out of memory: " + megabytes(bytes) + " of scratch for " + purpose + ", " +
                                megabytes(free) + " of " + megabytes(total) +
                                " free on the device; use a smaller frame or tiles");
    }
    check(status, purpose);
    blocks_.push_back(block);
    return block;
}

void check_size(int64_t width, int64_t height, const char* argument) {
    constexpr int64_t kSide = int64_t{1} << 19;
    constexpr int64_t kPlane = int64_t{1} << 31;
    if (width >= kSide || height >= kSide || width * height >= kPlane) {
        throw std::invalid_argument(std::string(argument) + ": " + std::to_string(width) + "x" +
                                    std::to_string(height) +
                                    " pixels exceed what the CUDA kernels can index");
    }
}

int device_count() {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) {
        cudaGetLastError(); // no driver, no device: not an error here
        return 0;
    }
    return count;
}

bool available() { return device_count() > 0; }

int current_device() {
    int device = 0;
    check(cudaGetDevice(&device), "reading the current device");
    return device;
}

void set_device(int device) { check(cudaSetDevice(device), "switching to the arrays' device"); }

#define RETEMPO_TEXT_OF(number) #number
#define RETEMPO_TEXT(number) RETEMPO_TEXT_OF(number)

const char* toolkit() { return RETEMPO_TEXT(__CUDACC_VER_MAJOR__) "." RETEMPO_TEXT(__CUDACC_VER_MINOR__); }

#ifndef RETEMPO_CUDA_ARCHITECTURES
#define RETEMPO_CUDA_ARCHITECTURES "unknown"
#endif

const char* architectures() { return RETEMPO_CUDA_ARCHITECTURES; }

} // namespace retempo::cuda

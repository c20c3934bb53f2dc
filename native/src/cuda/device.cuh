// How does a launcher report an error, get scratch memory and lay out its threads?
//
// Everything runs on the caller's stream and on the current device, which the bindings make that of the
// arrays. Scratch comes from one memory pool a device, through cudaMallocAsync, so that a launch never
// synchronises.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace retempo::cuda {

// The device has no room; what() says how much was asked for and how much is free. Python sees a MemoryError.
class DeviceOutOfMemory : public std::bad_alloc {
  public:
    explicit DeviceOutOfMemory(std::string message) : message_(std::move(message)) {}
    const char* what() const noexcept override { return message_.c_str(); }

  private:
    std::string message_;
};

// Throws std::runtime_error (DeviceOutOfMemory where memory ran out) that says what was being done.
void check(cudaError_t status, const char* doing);

// After a launch: cudaGetLastError.
inline void check_launch(const char* kernel) { check(cudaGetLastError(), kernel); }

// Temporary device memory, ordered on one stream; freed (in stream order) with the object.
class Scratch {
  public:
    explicit Scratch(cudaStream_t stream);
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    template <class T>
    T* take(int64_t count, const char* purpose) {
        return static_cast<T*>(take_bytes(static_cast<std::size_t>(count) * sizeof(T), purpose));
    }

    cudaStream_t stream() const { return stream_; }

  private:
    void* take_bytes(std::size_t bytes, const char* purpose);

    cudaStream_t stream_;
    cudaMemPool_t pool_ = nullptr;
    std::vector<void*> blocks_;
};

// Threads: one a pixel, 32 x 8 a block, the grid's z axis over the samples.
constexpr int kBlockX = 32;
constexpr int kBlockY = 8;
constexpr int kThreads = kBlockX * kBlockY;

inline dim3 pixel_block() { return dim3(kBlockX, kBlockY, 1); }

inline dim3 pixel_grid(int64_t width, int64_t height, int64_t samples) {
    const int64_t z = samples < 65535 ? samples : 65535;
    return dim3(static_cast<unsigned>((width + kBlockX - 1) / kBlockX),
                static_cast<unsigned>((height + kBlockY - 1) / kBlockY),
                static_cast<unsigned>(z < 1 ? 1 : z));
}

// data[0 .. count) = value.
void fill_with(float* data, int64_t count, float value, cudaStream_t stream);

// Throws std::invalid_argument unless sides are under 2^19 (grid limit) and a plane under 2^31 pixels.
void check_size(int64_t width, int64_t height, const char* argument);

} // namespace retempo::cuda

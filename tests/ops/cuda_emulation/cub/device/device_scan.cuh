// The one function of CUB that is used, for the emulation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda_runtime.h"

namespace cub {

struct DeviceScan {
    template <class T>
    static cudaError_t ExclusiveSum(void* workspace, size_t& bytes, const T* in, T* out, int64_t count,
                                    cudaStream_t) {
        bytes = 1;
        if (workspace == nullptr) return cudaSuccess;
        T total = 0;
        for (int64_t i = 0; i < count; ++i) {
            out[i] = total;
            total += in[i];
        }
        return cudaSuccess;
    }
};

} // namespace cub

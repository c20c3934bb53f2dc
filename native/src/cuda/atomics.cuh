// How does a scattering thread add to, or raise, a value that other threads touch too?
#pragma once

#include <cuda_runtime.h>

namespace retempo::cuda {

// Raise *target to value. Floats compare like ints where both are >= 0 and like reversed unsigned ints where
// both are < 0; a mixed pair comes out right too. -0 is turned into +0 first, whose bits would lose to -inf.
__device__ inline void atomic_raise(float* target, float value) {
    if (value == 0.0f) value = 0.0f;
    if (__float_as_int(value) >= 0) {
        atomicMax(reinterpret_cast<int*>(target), __float_as_int(value));
    } else {
        atomicMin(reinterpret_cast<unsigned int*>(target), __float_as_uint(value));
    }
}

// *target += value, one 16-byte reduction where the chip has it; target is 16-byte aligned.
__device__ inline void atomic_add4(float4* target, float4 value) {
#if __CUDA_ARCH__ >= 900
    atomicAdd(target, value);
#else
    float* lanes = reinterpret_cast<float*>(target);
    atomicAdd(lanes + 0, value.x);
    atomicAdd(lanes + 1, value.y);
    atomicAdd(lanes + 2, value.z);
    atomicAdd(lanes + 3, value.w);
#endif
}

// *target += value, one 8-byte reduction where the chip has it; target is 8-byte aligned.
__device__ inline void atomic_add2(float2* target, float2 value) {
#if __CUDA_ARCH__ >= 900
    atomicAdd(target, value);
#else
    float* lanes = reinterpret_cast<float*>(target);
    atomicAdd(lanes + 0, value.x);
    atomicAdd(lanes + 1, value.y);
#endif
}

} // namespace retempo::cuda

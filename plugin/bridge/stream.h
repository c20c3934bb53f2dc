// How are many bytes copied that nobody here reads again soon? Past the caches, where the machine can.
//
// A plain store fetches the line that it overwrites; a streamed one does not, which is a third of the
// traffic.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define RETEMPO_STREAMS 1
#endif

namespace retempo::bridge {

constexpr size_t kWorthStreams = size_t{8} << 20; // a picture of fewer bytes stays in the caches

// To be called by a thread that has streamed, before it says so to others.
inline void finish_streams() {
#if defined(RETEMPO_STREAMS)
    _mm_sfence();
#endif
}

// memcpy; ends with `finish_streams`.
inline void stream_copy(void* out, const void* in, size_t bytes) {
#if defined(RETEMPO_STREAMS)
    auto* to = static_cast<unsigned char*>(out);
    const auto* from = static_cast<const unsigned char*>(in);
    const size_t head = std::min<size_t>((16 - reinterpret_cast<uintptr_t>(to) % 16) % 16, bytes);
    std::memcpy(to, from, head);
    to += head;
    from += head;
    bytes -= head;
    for (; bytes >= 64; bytes -= 64, to += 64, from += 64)
        for (int i = 0; i < 4; ++i)
            _mm_stream_si128(reinterpret_cast<__m128i*>(to) + i,
                             _mm_loadu_si128(reinterpret_cast<const __m128i*>(from) + i));
    std::memcpy(to, from, bytes);
    finish_streams();
#else
    std::memcpy(out, in, bytes);
#endif
}

} // namespace retempo::bridge

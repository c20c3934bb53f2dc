// Who does the work? A fixed set of threads that take numbered pieces from one counter.
//
// Which thread takes which piece is open; every piece owns its outputs, so results do not depend on it.
// Nothing here is a template: the instruction-set variants of the kernels share this code.
#pragma once

#include <cstddef>
#include <cstdint>

namespace retempo::cpu {

// Calls body(context, piece) for every piece in [0, count), from at most `threads` threads (0: all cores),
// the caller among them. Returns when all are done; rethrows the first exception.
void run_pieces(int64_t count, int threads, void (*body)(void* context, int64_t piece), void* context);

// The same for a callable. The trampoline is a lambda: no symbol is shared between instruction-set variants.
template <class Body>
inline __attribute__((always_inline)) void for_pieces(int64_t count, int threads, Body& body) {
    run_pieces(
        count, threads, [](void* context, int64_t piece) { (*static_cast<Body*>(context))(piece); }, &body);
}

// Memory of the calling thread, 64-byte aligned, uninitialised, valid until the thread asks for the same slot
// again. It is kept between calls: a frame after the first touches no fresh pages.
void* scratch(int slot, size_t bytes);
constexpr int kScratchSlots = 12;

} // namespace retempo::cpu

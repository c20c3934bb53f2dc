// How do whole pictures cross: hashed, written into shared memory, and back?
//
// Always in strips that stay in the processor's cache, with a look at the watch between two of them.
#pragma once

#include "bridge/client.h"
#include "bridge/shared_memory.h"
#include "bridge/strips.h"
#include "bridge/wire.h"

namespace retempo::bridge {

// A rectangle with y up as the wire has it: y down, the top-left pixel of the display at 0, 0.
wire::Window wire_window(const Bounds& bounds, const Bounds& display);

uint64_t wire_bytes(int channels, const Bounds& bounds);

// Throws BridgeError of the watch.
wire::Digest digest_picture(const Picture& picture, const wire::Window& window, const Watch& watch,
                            Hands hands = Hands::kFew);
// The picture's rows, from the top, to the bytes at `offset`; its digest, from the same look at each row.
wire::Digest share_picture(const Picture& picture, const wire::Window& window, SharedMemory& memory,
                           uint64_t offset, const Watch& watch);
// The window's rows from the object's first bytes into the picture.
void deliver_picture(const SharedMemory& memory, const MutablePicture& picture, const Bounds& window,
                     const Watch& watch);

} // namespace retempo::bridge

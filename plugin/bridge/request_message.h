// How does a request become RENDER? Checked here, so that what goes out is well-formed.
#pragma once

#include <string>

#include "bridge/client.h"
#include "bridge/wire.h"

namespace retempo::bridge {

// Throws BridgeError (kRequest).
[[noreturn]] void refuse(const std::string& what);

// The message without digests, offsets and a deadline. Throws BridgeError (kRequest).
wire::Render make_message(const Request& request, const Bounds& window);

// The pictures as they are copied: what is no colour is not multiplied or divided by alpha.
Picture picture_of(const Frame& frame);
MutablePicture target_of(const Request& request);

} // namespace retempo::bridge

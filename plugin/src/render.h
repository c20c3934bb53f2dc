// How does a plan become pixels?
#pragma once

#include "instance.h"
#include "properties.h"

namespace retempo::ofx {

// OfxImageEffectActionRender. Throws StatusError with a text for the user, BridgeError.
OfxStatus render(const Instance& node, const Properties& in);

} // namespace retempo::ofx

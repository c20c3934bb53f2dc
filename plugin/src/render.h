// How does a plan become pixels?
#pragma once

#include "bridge/pixels.h"
#include "instance.h"
#include "properties.h"

namespace retempo::ofx {

// OfxImageEffectActionRender. Throws StatusError with a text for the user, BridgeError.
OfxStatus render(const Instance& node, const Properties& in);

// What the worker is told of the parameters and of colour at a time.
Settings find_settings(const Instance& node, double time, bool draft);

// The project's window in pixels of the output, which need not have the project's shape, at a render scale;
// `otherwise` where the host names none.
bridge::Bounds find_display(const Instance& node, double scale_x, double scale_y,
                            const bridge::Bounds& otherwise);

} // namespace retempo::ofx

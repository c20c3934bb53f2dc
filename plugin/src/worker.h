// Who makes the pictures? One client of the bridge for all nodes of this process.
#pragma once

#include "bridge/client.h"

namespace retempo::ofx {

// Starts nothing: that is for the first render.
const bridge::Client& worker();

} // namespace retempo::ofx

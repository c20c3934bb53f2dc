// Where do new shots begin, when nobody says?
#pragma once

#include <string>

#include "instance.h"
#include "properties.h"

namespace retempo::ofx {

// What `--cuts auto` finds: the first frames of new shots, with commas. Looks at every frame of the source
// once, in an action in which images may be fetched. in: its arguments. Throws StatusError, BridgeError; of
// the problem kCancelled where the user has called it off.
std::string find_cuts(const Instance& node, const Properties& in);

} // namespace retempo::ofx

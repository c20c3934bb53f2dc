// In which colour space are the host's pixels?
#pragma once

#include "instance.h"
#include "properties.h"

namespace retempo::ofx {

// Of OfxActionDescribe.
void describe_colour(const Properties& effect);
// Of GetClipPreferences: scene linear, unless the host speaks OpenColorIO; both pictures in one space;
// vectors and depth as they are. The host may give something else: what it says then is what counts.
void prefer_colourspaces(const Instance& node, const Properties& out);
// Adds `config` and `input_space` where the user has left them empty and the host says what they are; where
// it does not, the depth of the source tells linear light from code values.
void add_colour_settings(const Instance& node, Settings& settings);
// The source's; raw for motion, confidence and the like.
OfxStatus output_colourspace(const Instance& node, double time, const Properties& out);

} // namespace retempo::ofx

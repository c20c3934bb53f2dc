// In which colour space are the host's pixels?
#pragma once

#include "instance.h"
#include "properties.h"

namespace retempo::ofx {

// Of OfxActionDescribe.
void describe_colour(const Properties& effect);
// Of GetClipPreferences: scene linear, unless the host speaks OpenColorIO and the worker will be told the
// space.
void prefer_colourspaces(const Instance& node, const Properties& out);
// Adds `config` and `input_space` where the user has left them empty and the host says what they are.
void add_colour_settings(const Instance& node, Settings& settings);

} // namespace retempo::ofx

// How does the user learn what is wrong with a node?
#pragma once

#include <string>

#include "ofx_api.h"

namespace retempo::ofx {

// Stays on the node until clear_message.
void show_message(OfxImageEffectHandle node, const std::string& text) noexcept;
// Something that the user has asked to see.
void show_text(OfxImageEffectHandle node, const std::string& text) noexcept;
void clear_message(OfxImageEffectHandle node) noexcept;

} // namespace retempo::ofx

// Where does the host come in?
#pragma once

#include "effects.h"

namespace retempo::ofx {

// OfxPlugin::mainEntry of one effect. No exception leaves it.
OfxStatus main_entry(const EffectInfo& info, const char* action, const void* handle, OfxPropertySetHandle in,
                     OfxPropertySetHandle out) noexcept;

} // namespace retempo::ofx

// What does the plugin say of itself?
#pragma once

#include "effects.h"
#include "properties.h"

namespace retempo::ofx {

OfxStatus describe(const EffectInfo& info, OfxImageEffectHandle effect);
OfxStatus describe_in_context(const EffectInfo& info, OfxImageEffectHandle effect, const Properties& in);

} // namespace retempo::ofx

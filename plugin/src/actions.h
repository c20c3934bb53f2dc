// What does the host ask, beside "describe yourself" and "draw"?
#pragma once

#include "instance.h"
#include "properties.h"

namespace retempo::ofx {

// The instance that the host's handle stands for. Throws StatusError.
Instance& find_instance(OfxImageEffectHandle handle);

OfxStatus create_instance(const EffectInfo& info, OfxImageEffectHandle handle);
OfxStatus destroy_instance(OfxImageEffectHandle handle);
OfxStatus instance_changed(const Instance& node, const Properties& in);
OfxStatus frames_needed(const Instance& node, const Properties& in, const Properties& out);
OfxStatus time_domain(const Instance& node, const Properties& out);
OfxStatus is_identity(const Instance& node, const Properties& in, const Properties& out);
OfxStatus region_of_definition(const Instance& node, const Properties& in, const Properties& out);
OfxStatus regions_of_interest(const Instance& node, const Properties& in, const Properties& out);
OfxStatus clip_preferences(const Instance& node, const Properties& out);

} // namespace retempo::ofx

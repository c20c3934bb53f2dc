// Which action is meant, and what becomes of an error? The one boundary that exceptions do not pass.
#include "main_entry.h"

#include <cstring>
#include <new>

#include "actions.h"
#include "colour.h"
#include "describe.h"
#include "message.h"
#include "render.h"

namespace retempo::ofx {
namespace {

OfxStatus act(const EffectInfo& info, const char* action, OfxImageEffectHandle effect,
              OfxPropertySetHandle in_set, OfxPropertySetHandle out_set) {
    const auto is = [action](const char* name) { return std::strcmp(action, name) == 0; };
    if (is(kOfxActionLoad)) return load_host(), kOfxStatOK;
    if (is(kOfxActionUnload)) return unload_host(), kOfxStatOK;
    const Properties in(in_set), out(out_set);
    if (is(kOfxActionDescribe)) return describe(info, effect);
    if (is(kOfxImageEffectActionDescribeInContext)) return describe_in_context(info, effect, in);
    if (is(kOfxActionCreateInstance)) return create_instance(info, effect);
    if (is(kOfxActionDestroyInstance)) return destroy_instance(effect);
    if (is(kOfxImageEffectActionRender)) {
        const OfxStatus status = render(find_instance(effect), in);
        clear_message(effect);
        return status;
    }
    if (is(kOfxImageEffectActionIsIdentity)) return is_identity(find_instance(effect), in, out);
    if (is(kOfxImageEffectActionGetFramesNeeded)) return frames_needed(find_instance(effect), in, out);
    if (is(kOfxImageEffectActionGetRegionOfDefinition))
        return region_of_definition(find_instance(effect), in, out);
    if (is(kOfxImageEffectActionGetRegionsOfInterest))
        return regions_of_interest(find_instance(effect), in, out);
    if (is(kOfxImageEffectActionGetTimeDomain)) return time_domain(find_instance(effect), out);
    if (is(kOfxImageEffectActionGetClipPreferences)) return clip_preferences(find_instance(effect), out);
    if (is(kOfxImageEffectActionGetOutputColourspace))
        return output_colourspace(find_instance(effect), 0, out);
    if (is(kOfxActionInstanceChanged)) return instance_changed(find_instance(effect), in);
    return kOfxStatReplyDefault;
}

// Only a render has somebody to tell; elsewhere the same problem shows again in the render.
void tell(const char* action, OfxImageEffectHandle effect, const char* text) noexcept {
    if (std::strcmp(action, kOfxImageEffectActionRender) == 0 && text[0] != '\0') show_message(effect, text);
}

} // namespace

OfxStatus main_entry(const EffectInfo& info, const char* action, const void* handle, OfxPropertySetHandle in,
                     OfxPropertySetHandle out) noexcept {
    const auto effect = static_cast<OfxImageEffectHandle>(const_cast<void*>(handle));
    try {
        return act(info, action, effect, in, out);
    } catch (const StatusError& error) {
        tell(action, effect, error.what());
        return error.status();
    } catch (const bridge::BridgeError& error) {
        if (error.problem() == bridge::Problem::kCancelled)
            return kOfxStatOK; // the host wants no picture any more
        tell(action, effect, error.what());
        return error.problem() == bridge::Problem::kMemory ? kOfxStatErrMemory : kOfxStatFailed;
    } catch (const std::bad_alloc&) {
        tell(action, effect, "the host has no memory left");
        return kOfxStatErrMemory;
    } catch (const std::exception& error) {
        tell(action, effect, error.what());
        return kOfxStatFailed;
    } catch (...) {
        tell(action, effect, "an error without a name; report this");
        return kOfxStatFailed;
    }
}

} // namespace retempo::ofx

// How is an effect described? From tables alone: no process, no file, in no time, since hosts do it at
// start-up.
#include "describe.h"

#include "colour.h"

namespace retempo::ofx {

OfxStatus describe(const EffectInfo& info, OfxImageEffectHandle effect) {
    OfxPropertySetHandle set = nullptr;
    check(host().effect->getPropertySet(effect, &set));
    const Properties made(set);
    made.set(kOfxPropLabel, info.label).set(kOfxImageEffectPluginPropGrouping, "Retempo");
    made.set(kOfxPropPluginDescription, info.description);
    made.set(kOfxPropVersionLabel, RETEMPO_VERSION);
    int contexts = 0;
    if (info.retimer)
        made.set(kOfxImageEffectPropSupportedContexts, kOfxImageEffectContextRetimer, contexts++);
    made.set(kOfxImageEffectPropSupportedContexts, kOfxImageEffectContextGeneral, contexts++);
    if (info.filter) made.set(kOfxImageEffectPropSupportedContexts, kOfxImageEffectContextFilter, contexts++);
    if (info.kind == kVectors) // motion has a sign and is larger than 1
        made.set(kOfxImageEffectPropSupportedPixelDepths, {kOfxBitDepthHalf, kOfxBitDepthFloat});
    else
        made.set(kOfxImageEffectPropSupportedPixelDepths,
                 {kOfxBitDepthByte, kOfxBitDepthShort, kOfxBitDepthHalf, kOfxBitDepthFloat});
    made.set(kOfxImageEffectPluginRenderThreadSafety, kOfxImageEffectRenderFullySafe);
    made.set(kOfxImageEffectPluginPropHostFrameThreading, 0);
    made.set(kOfxImageEffectPropTemporalClipAccess, 1).set(kOfxImageEffectPropSupportsTiles, 0);
    made.set(kOfxImageEffectPropSupportsMultiResolution, 1);
    made.set(kOfxImageEffectPropSupportsMultipleClipDepths, 1)
        .set(kOfxImageEffectPropSupportsMultipleClipPARs, 0);
    made.set(kOfxImageEffectPluginPropFieldRenderTwiceAlways, 1);
    describe_colour(made);
    return kOfxStatOK;
}

OfxStatus describe_in_context(const EffectInfo& info, OfxImageEffectHandle effect, const Properties& in) {
    const Context context = find_context(in.text(kOfxImageEffectPropContext));
    const bool motion = info.kind == kVectors;
    define_clip(effect, kOfxImageEffectSimpleSourceClipName, "Source", false, false);
    if (info.kind == kInbetween) define_clip(effect, kSecondClip, "Second", true, false);
    if (context != Context::Filter && !motion) {
        define_clip(effect, kVectorsClip, "Vectors", true, true);
        define_clip(effect, kDepthClip, "Depth", true, false);
        define_clip(effect, kMatteClip, "Matte", true, false);
    }
    define_clip(effect, kOfxImageEffectOutputClipName, "Output", false, motion);
    OfxParamSetHandle params = nullptr;
    check(host().effect->getParamSet(effect, &params));
    define_parameters(params, info.kind, context);
    if (motion) return kOfxStatOK;
    OfxPropertySetHandle set = nullptr; // vectors are RGBA in float, pictures like the source
    check(host().effect->getPropertySet(effect, &set));
    Properties(set).set(kOfxImageEffectPropClipPreferencesSlaveParam, "output");
    return kOfxStatOK;
}

} // namespace retempo::ofx

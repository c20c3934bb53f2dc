// Which effects are in the bundle?
#pragma once

#include <memory>

#include "instance.h"

namespace retempo::ofx {

inline constexpr const char* kVectorsClip = "Vectors";
inline constexpr const char* kDepthClip = "Depth";
inline constexpr const char* kMatteClip = "Matte";
inline constexpr const char* kSecondClip = "Second";

struct EffectInfo {
    const char* identifier;
    const char* label;
    const char* description;
    unsigned kind;        // kRetime, kInbetween or kVectors of the parameter table
    bool retimer, filter; // contexts beside the general one
    std::unique_ptr<Instance> (*make)(const EffectInfo& info, OfxImageEffectHandle handle, Context context);
};

inline constexpr EffectInfo kEffects[] = {
    {"org.retempo.Retime", "Retempo Retime",
     "Plays a clip slower, faster, backwards or along a curve. Frames that were never shot are made from "
     "their "
     "neighbours along the motion between them.",
     kRetime, true, true, make_retime},
    {"org.retempo.Inbetween", "Retempo Inbetween",
     "Makes one picture between two: of two clips, or two frames of one.", kInbetween, false, false,
     make_inbetween},
    {"org.retempo.Vectors", "Retempo Vectors",
     "The motion from each frame to the next (red, green) and to the one before it (blue, alpha), how far it "
     "can be "
     "trusted, or what is hidden there.",
     kVectors, false, false, make_vectors},
};
inline constexpr int kEffectCount = sizeof(kEffects) / sizeof(kEffects[0]);

} // namespace retempo::ofx

// What do nodes of all kinds have in common?
#include "instance.h"

#include <cstring>
#include <initializer_list>

#include "effects.h"
#include "properties.h"

namespace retempo::ofx {

std::unique_ptr<Instance> Instance::create(const EffectInfo& info, OfxImageEffectHandle handle) {
    OfxPropertySetHandle set = nullptr;
    check(host().effect->getPropertySet(handle, &set));
    return info.make(info, handle, find_context(Properties(set).text(kOfxImageEffectPropContext)));
}

Instance::Instance(const EffectInfo& effect, OfxImageEffectHandle node, Context where)
    : info(effect), handle(node), context(where), source(node, kOfxImageEffectSimpleSourceClipName),
      output(node, kOfxImageEffectOutputClipName),
      vectors(where == Context::Filter || effect.kind == kVectors ? Clip() : Clip(node, kVectorsClip)),
      depth(where == Context::Filter || effect.kind == kVectors ? Clip() : Clip(node, kDepthClip)),
      matte(where == Context::Filter || effect.kind == kVectors ? Clip() : Clip(node, kMatteClip)),
      parameters(node, effect.kind, where) {}

bool Instance::shows_motion(double time) const {
    return find_output(info.kind == kVectors ? "motion" : "output", time) == bridge::Output::kVectors;
}

bool Instance::shows_picture(double time) const {
    if (info.kind == kVectors) return false;
    const bridge::Output shown = find_output("output", time);
    return shown == bridge::Output::kPicture || shown == bridge::Output::kForeground ||
           shown == bridge::Output::kBackground;
}

bool Instance::uses_vectors(double time) const {
    return std::strstr(parameters.choice("flow", time), "vectors") != nullptr;
}

bool Instance::has(const char* choice, const char* value, double time) const {
    return std::strcmp(parameters.choice(choice, time), value) == 0;
}

void Instance::refresh() const {
    const auto enable = [this](std::initializer_list<const char*> names, bool matter) {
        for (const char* name : names) parameters.enable(name, matter);
    };
    const bool moving = moves(0), motion = shows_motion(0), picture = shows_picture(0);
    const bool layer = info.kind != kVectors && needs_matte(find_output("output", 0));
    enable(
        {"flow", "flowScale", "flowSpace", "inverses", "footprint", "temperature", "merge", "coverageGate"},
        moving);
    const bool conventions = info.kind == kVectors ? motion : moving && uses_vectors(0);
    enable({"vectorPreset", "vectorMax", "vectorScale", "vectorFlipY"}, conventions);
    const bool deep = !has("depth", "off");
    enable({"depth"}, moving && (deep || depth.connected()));
    enable({"depthConvention"}, moving && deep);
    enable({"matteChannel", "matteInvert"}, matte.connected() && (layer || (moving && !motion)));
    enable({"filter"}, moving && (picture || layer));
    enable({"sigma"}, moving && !has("footprint", "bilinear"));
    enable({"mergeExponent"}, moving && has("merge", "metric"));
}

void Instance::note_info(const std::string& line) const {
    const std::lock_guard<std::mutex> guard(info_mutex_);
    info_ = line;
}

std::string Instance::info_line() const {
    const std::lock_guard<std::mutex> guard(info_mutex_);
    return info_;
}

uint64_t Instance::next_number() {
    static std::atomic<uint64_t> last{0};
    return ++last;
}

void Instance::add_frame(Plan& plan, const Clip& clip, int64_t frame, int64_t number, double time,
                         bool alone) const {
    plan.fetches.push_back({&clip, frame, bridge::Role::kSource, number});
    const bool layer = needs_matte(plan.output);
    if (layer && !matte.connected())
        throw StatusError(kOfxStatFailed,
                          "Foreground, Background and Matte are outputs of the Matte input, but "
                          "nothing is connected to it; connect it or choose another output");
    if (matte.connected() && (layer || (!alone && plan.output != bridge::Output::kVectors)))
        plan.fetches.push_back({&matte, frame, bridge::Role::kMatte, number});
    if (alone) return; // a picture that is passed on needs no more
    if (uses_vectors(time)) {
        if (!vectors.connected())
            throw StatusError(kOfxStatFailed,
                              "Motion estimation is to use vectors, but nothing is connected to the "
                              "Vectors input; connect it or choose another motion estimation");
        plan.fetches.push_back({&vectors, frame, bridge::Role::kVectors, number});
    }
    if (std::strcmp(parameters.choice("depth", time), "off") != 0) {
        if (!depth.connected())
            throw StatusError(kOfxStatFailed,
                              "Depth is switched on, but nothing is connected to the Depth input; "
                              "connect it or switch Depth off");
        plan.fetches.push_back({&depth, frame, bridge::Role::kDepth, number});
    }
}

bridge::Output Instance::find_output(const char* parameter, double time) const {
    const char* chosen = parameters.choice(parameter, time);
    if (std::strcmp(chosen, "vectors") == 0) return bridge::Output::kVectors;
    if (std::strcmp(chosen, "confidence") == 0) return bridge::Output::kConfidence;
    if (std::strcmp(chosen, "occlusion") == 0) return bridge::Output::kOcclusion;
    if (std::strcmp(chosen, "foreground") == 0) return bridge::Output::kForeground;
    if (std::strcmp(chosen, "background") == 0) return bridge::Output::kBackground;
    if (std::strcmp(chosen, "matte") == 0) return bridge::Output::kMatte;
    return bridge::Output::kPicture;
}

} // namespace retempo::ofx

// How are the host's questions answered? All of them from the plan of the time that they are about.
//
// Where no plan can be made (an input is missing, a parameter makes no sense) these answer with the host's
// default; the render that follows says what is wrong.
#include "actions.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "colour.h"
#include "cut_finder.h"
#include "effects.h"
#include "message.h"
#include "worker.h"

namespace retempo::ofx {
namespace {

bool find_plan(const Instance& node, double time, Plan& plan) {
    try {
        node.plan(time, plan);
        return true;
    } catch (const StatusError&) { return false; } catch (const bridge::BridgeError&) {
        return false;
    }
}

struct Moment {
    double time, delay;
};

// At what a render of this time may look: the action does not say which field is meant, or whether both are.
std::vector<Moment> list_moments(const Instance& node, double time) {
    if (node.source.first_field() == Field::None) return {{time, 0}};
    return {{time, 0}, {time, 0.5}, {time + 0.5, 0}, {time + 0.5, 0.5}};
}

OfxRectD unite(const OfxRectD& a, const OfxRectD& b) {
    return {std::min(a.x1, b.x1), std::min(a.y1, b.y1), std::max(a.x2, b.x2), std::max(a.y2, b.y2)};
}

// What is greyed out is no reason to fail: a project may hold a choice that this release does not have.
void refresh(const Instance& node) {
    try {
        node.refresh();
    } catch (const StatusError&) {} // the render says what is wrong
}

// The button: what is found goes into the list; a node without cuts, or an error, is told of.
void write_cuts(const Instance& node, const Properties& in) {
    try {
        const std::string found = find_cuts(node, in);
        node.parameters.write("cuts", found);
        if (found.empty()) show_text(node.handle, "No cut was found in the source.");
    } catch (const StatusError& error) {
        show_text(node.handle, error.what());
    } catch (const bridge::BridgeError& error) {
        if (error.problem() != bridge::Problem::kCancelled) show_text(node.handle, error.what());
    }
}

Properties instance_properties(OfxImageEffectHandle handle) {
    OfxPropertySetHandle set = nullptr;
    check(host().effect->getPropertySet(handle, &set));
    return Properties(set);
}

} // namespace

Instance& find_instance(OfxImageEffectHandle handle) {
    void* data = instance_properties(handle).pointer(kOfxPropInstanceData);
    if (data == nullptr) throw StatusError(kOfxStatErrBadHandle);
    return *static_cast<Instance*>(data);
}

OfxStatus create_instance(const EffectInfo& info, OfxImageEffectHandle handle) {
    std::unique_ptr<Instance> made = Instance::create(info, handle);
    refresh(*made);
    instance_properties(handle).set_pointer(kOfxPropInstanceData, made.release());
    return kOfxStatOK;
}

OfxStatus destroy_instance(OfxImageEffectHandle handle) {
    const std::unique_ptr<Instance> ended(&find_instance(handle));
    instance_properties(handle).set_pointer(kOfxPropInstanceData, nullptr);
    return kOfxStatOK;
}

OfxStatus instance_changed(const Instance& node, const Properties& in) {
    const std::string type = in.text_or(kOfxPropType, ""), name = in.text_or(kOfxPropName, "");
    const std::string reason = in.text_or(kOfxPropChangeReason, "");
    if (reason == kOfxChangeTime) return kOfxStatReplyDefault; // the time line moves, nothing was edited
    if (type == kOfxTypeClip) node.note_edited_input();
    if (type == kOfxTypeParameter) node.note_edited_parameter(name);
    if (reason == kOfxChangeUserEdited) {
        if (type == kOfxTypeParameter && name == "openLog") show_text(node.handle, worker().describe_log());
        if (type == kOfxTypeParameter && name == "findCuts") write_cuts(node, in);
        if (name != "info") node.parameters.write("info", node.info_line());
    }
    refresh(node);
    return kOfxStatOK;
}

OfxStatus frames_needed(const Instance& node, const Properties& in, const Properties& out) {
    std::map<std::string, std::set<int64_t>> frames;
    for (const Moment& moment : list_moments(node, in.number(kOfxPropTime))) {
        Plan plan;
        plan.delay = moment.delay;
        if (!find_plan(node, moment.time, plan)) return kOfxStatReplyDefault;
        for (const Fetch& fetch : plan.fetches) frames[fetch.clip->name()].insert(fetch.frame);
    }
    if (frames.empty()) return kOfxStatReplyDefault;
    for (const auto& [clip, numbers] : frames) {
        std::vector<double> ranges;
        for (const int64_t number : numbers) {
            const auto frame = static_cast<double>(number);
            if (!ranges.empty() && ranges.back() == frame - 1)
                ranges.back() = frame; // goes on from the last one
            else
                ranges.insert(ranges.end(), {frame, frame});
        }
        out.answer(kClipFrameRange + clip, ranges);
    }
    return kOfxStatOK;
}

OfxStatus time_domain(const Instance& node, const Properties& out) {
    const std::optional<OfxRangeD> range = node.time_domain();
    if (!range) return kOfxStatReplyDefault;
    out.answer(kOfxImageEffectPropFrameRange, {range->min, range->max});
    return kOfxStatOK;
}

OfxStatus is_identity(const Instance& node, const Properties& in, const Properties& out) {
    const double time = in.number(kOfxPropTime);
    const std::string field = in.text_or(kOfxImageEffectPropFieldToRender, kOfxImageFieldNone);
    if (find_field(field) != Field::None || node.source.first_field() != Field::None)
        return kOfxStatReplyDefault; // a field of a frame is no frame
    Plan plan;
    if (!find_plan(node, time, plan) || plan.identity == nullptr || !plan.identity->clip->connected())
        return kOfxStatReplyDefault;
    const auto frame = static_cast<double>(plan.identity->frame);
    if (frame != time && !host().temporal_access) return kOfxStatReplyDefault; // render says what is wrong
    out.answer(kOfxPropName, plan.identity->clip->name().c_str());
    out.answer(kOfxPropTime, frame);
    return kOfxStatOK;
}

OfxStatus region_of_definition(const Instance& node, const Properties& in, const Properties& out) {
    Plan plan;
    if (!find_plan(node, in.number(kOfxPropTime), plan)) return kOfxStatReplyDefault;
    bool found = false;
    OfxRectD whole{}, one{};
    for (const Fetch& fetch : plan.fetches) {
        const bool shown = fetch.role == bridge::Role::kSource && !fetch.aside;
        if (!shown || !fetch.clip->region(static_cast<double>(fetch.frame), one)) continue;
        whole = found ? unite(whole, one) : one;
        found = true;
    }
    if (!found) return kOfxStatReplyDefault;
    out.answer(kOfxImageEffectPropRegionOfDefinition, {whole.x1, whole.y1, whole.x2, whole.y2});
    return kOfxStatOK;
}

OfxStatus regions_of_interest(const Instance& node, const Properties& in, const Properties& out) {
    Plan plan;
    if (!find_plan(node, in.number(kOfxPropTime), plan) || plan.fetches.empty()) return kOfxStatReplyDefault;
    std::map<std::string, OfxRectD> regions; // motion takes the whole picture
    for (const Fetch& fetch : plan.fetches) {
        OfxRectD one{};
        if (!fetch.clip->region(static_cast<double>(fetch.frame), one)) continue;
        const auto [place, added] = regions.emplace(fetch.clip->name(), one);
        if (!added) place->second = unite(place->second, one);
    }
    if (regions.empty()) return kOfxStatReplyDefault;
    for (const auto& [clip, region] : regions)
        out.answer(kClipRegion + clip, {region.x1, region.y1, region.x2, region.y2});
    return kOfxStatOK;
}

OfxStatus clip_preferences(const Instance& node, const Properties& out) {
    out.set(kOfxImageClipPropContinuousSamples, 1).set(kOfxImageEffectFrameVarying, 1);
    if (node.context == Context::General && node.source.connected()) {
        const std::string name = kOfxImageEffectOutputClipName;
        if (node.info.kind == kVectors || node.shows_motion(0)) { // no colour, no coverage, and it has a sign
            out.set((kClipComponents + name).c_str(), kOfxImageComponentRGBA)
                .set(kOfxImageEffectPropPreMultiplication, kOfxImagePreMultiplied);
            if (host().multiple_depths) out.set((kClipDepth + name).c_str(), kOfxBitDepthFloat);
        } else // like the source, whatever the vectors input is
            out.set((kClipComponents + name).c_str(), node.source.components().c_str());
    }
    prefer_colourspaces(node, out);
    return kOfxStatOK;
}

} // namespace retempo::ofx

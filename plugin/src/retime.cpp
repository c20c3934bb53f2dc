// Retempo Retime: which frames of the source does a time show?
#include <algorithm>
#include <cstring>
#include <map>

#include "effects.h"
#include "exposure.h"
#include "properties.h"
#include "running_sum.h"

namespace retempo::ofx {
namespace {

Timing find_timing(const char* name) {
    return std::strcmp(name, "frame") == 0 ? Timing::Frame
           : std::strcmp(name, "fps") == 0 ? Timing::Rate
                                           : Timing::Speed;
}

Outside find_outside(const char* name) {
    return std::strcmp(name, "loop") == 0     ? Outside::Loop
           : std::strcmp(name, "bounce") == 0 ? Outside::Bounce
           : std::strcmp(name, "black") == 0  ? Outside::Black
                                              : Outside::Hold;
}

ShutterOffset find_offset(const char* name) {
    return std::strcmp(name, "start") == 0    ? ShutterOffset::Start
           : std::strcmp(name, "end") == 0    ? ShutterOffset::End
           : std::strcmp(name, "custom") == 0 ? ShutterOffset::Custom
                                              : ShutterOffset::Centred;
}

// What is a source frame for?
struct Use {
    bool shown = false;  // its pixels are in the picture
    bool moving = false; // motion is found from it
};

// past: frames on either side of a gap that tell of its motion. measured: the motion of a whole frame is
// wanted, too: that to its neighbours.
std::map<int64_t, Use> list_frames(const std::vector<Instant>& instants, const Cuts& shots,
                                   const FrameSpan& span, int64_t past, bool measured) {
    std::map<int64_t, Use> frames;
    for (const Instant& one : instants) {
        if (one.how == How::kBlack) continue;
        const int64_t first = floor_of(one.time), last = is_whole(one.time) ? first : first + 1;
        const bool alone = last == first;
        const bool moving = alone ? measured : one.how == How::kMotion;
        const int64_t around = alone ? 1 : past;
        for (const int64_t frame : {first, last}) {
            frames[frame].shown = true;
            frames[frame].moving |= moving;
        }
        for (const int64_t frame : {first - around, last + around})
            if (moving && frame >= span.first && frame <= span.last && shots.shot(frame) == shots.shot(first))
                frames[frame].moving = true;
    }
    return frames;
}

class Retime : public Instance {
  public:
    Retime(const EffectInfo& effect, OfxImageEffectHandle node, Context where)
        : Instance(effect, node, where) {}

    void plan(double time, Plan& plan) const override {
        TimeMapping map = mapping(time);
        map.delay = plan.delay;
        plan.output = find_output("output", time);
        const bool whole_picture = plan.output == bridge::Output::kPicture;
        const bool picture = whole_picture || needs_matte(plan.output); // others are of one moment
        const Cuts shots = cuts(time, picture);
        const std::vector<Instant> found =
            find_instants(map, curve(time), time, picture ? shutter(time) : Shutter{}, shots);
        const auto seen = std::find_if(found.begin(), found.end(),
                                       [](const Instant& one) { return one.how != How::kBlack; });
        plan.black = seen == found.end();
        if (plan.black) return;
        plan.time = seen->time;
        const bool measured = plan.output == bridge::Output::kVectors;
        const std::map<int64_t, Use> frames =
            list_frames(found, shots, map.source, bends(time) ? 1 : 0, measured);
        for (const auto& [frame, use] : frames) {
            const size_t begin = plan.fetches.size();
            add_frame(plan, source, frame, frame, time, !use.moving);
            for (size_t i = begin; i < plan.fetches.size(); ++i) plan.fetches[i].aside = !use.shown;
        }
        if (plan.fetches.size() > bridge::wire::kMostFrames)
            throw StatusError(kOfxStatFailed,
                              "the shutter is open over more frames than can be used at once; "
                              "choose a smaller shutter angle or fewer samples");
        plan.cuts = shots.list(frames.begin()->first, frames.rbegin()->first);
        if (found.size() > 1 || found.front().how != How::kMotion)
            plan.instants = found;
        else if (is_whole(plan.time) && whole_picture)
            plan.identity = &plan.fetches.front();
    }

    std::optional<OfxRangeD> time_domain() const override {
        const FrameSpan span = source.frames();
        const auto first = static_cast<double>(span.first), last = static_cast<double>(span.last);
        const TimeMapping map = mapping(first);
        if (!source.connected() || map.timing == Timing::Frame || span.last == FrameSpan::kFar)
            return std::nullopt;
        if (map.timing == Timing::Speed && map.animated) return walk(map);
        const double speed = constant_speed(map, curve(first), first);
        if (speed == 0) return std::nullopt;
        return OfxRangeD{first, first + std::floor((last - first) / std::fabs(speed) + 1e-6)};
    }

    void note_edited_parameter(const std::string& name) const override {
        if (name == "speed") passed_.forget();
    }

    void refresh() const override {
        Instance::refresh();
        const bridge::Output result = find_output("output", 0);
        const bool exposed = result == bridge::Output::kPicture || needs_matte(result);
        const bool open = exposed && parameters.number("shutterSamples", 0) != 1;
        parameters.enable("shutterSamples", exposed);
        parameters.enable("shutterAngle", open);
        parameters.enable("shutterOffset", open);
        parameters.enable("shutterPhase", open && has("shutterOffset", "custom"));
        parameters.enable("motionPath", moves(0));
        parameters.enable("findCuts", source.connected());
        parameters.enable("atCut", exposed && !parameters.text("cuts", 0).empty());
        if (context == Context::Retimer) return;
        const Timing timing = find_timing(parameters.choice("timing", 0));
        parameters.enable("speed", timing == Timing::Speed);
        parameters.enable("frame", timing == Timing::Frame);
        parameters.enable("fpsIn", timing == Timing::Rate);
        parameters.enable("fpsOut", timing == Timing::Rate);
    }

  private:
    struct Curve {
        const Retime& node;
        const char* name; // nullptr: the host's SourceTime

        double operator()(double time) const {
            return name == nullptr ? node.parameters.source_time(time) : node.parameters.number(name, time);
        }
        // Of an expression, too, which may look at what nobody tells this node of: nothing of it is kept.
        double integral(double from, double to) const {
            if (name == nullptr || node.parameters.keys(name) < 2) return integrate(*this, from, to);
            return node.passed_.integrate_curve(*this, from, to);
        }
    };

    Curve curve(double time) const {
        if (context == Context::Retimer) return {*this, nullptr};
        return {*this, find_timing(parameters.choice("timing", time)) == Timing::Frame ? "frame" : "speed"};
    }

    TimeMapping mapping(double time) const {
        TimeMapping map;
        map.source = source.frames();
        map.outside = find_outside(parameters.choice("outside", time));
        if (context == Context::Retimer) {
            map.timing = Timing::Frame;
            return map;
        }
        map.timing = find_timing(parameters.choice("timing", time));
        map.animated = parameters.animated("speed");
        map.rate_in = parameters.number("fpsIn", time);
        map.rate_out = parameters.number("fpsOut", time);
        return map;
    }

    Shutter shutter(double time) const {
        return {static_cast<int>(parameters.number("shutterSamples", time)),
                parameters.number("shutterAngle", time),
                find_offset(parameters.choice("shutterOffset", time)),
                parameters.number("shutterPhase", time)};
    }

    // Are pictures made along motion, and that along curves?
    bool bends(double time) const {
        return (moves(time) && has("motionPath", "quadratic", time)) || has("engine", "dbvi", time);
    }

    // Where no picture is made, there is nothing to mix.
    Cuts cuts(double time, bool mixed) const {
        const std::string text = parameters.text("cuts", time);
        Cuts made;
        if (!parse_cuts(text, made.frames))
            throw StatusError(kOfxStatFailed, "Cuts is '" + text.substr(0, 80) +
                                                  "'; give the first frames of new shots, such as 1010,1050");
        made.fade = mixed && has("atCut", "cross-fade", time);
        return made;
    }

    // Until an animated speed leaves the source.
    std::optional<OfxRangeD> walk(const TimeMapping& map) const {
        constexpr size_t kMost = 1 << 17, kPart = 1 << 10;
        const auto first = static_cast<double>(map.source.first), last = static_cast<double>(map.source.last);
        RunningSum fresh; // see integral()
        RunningSum& sums = parameters.keys("speed") < 2 ? fresh : passed_;
        for (size_t begin = 0, end = kPart; end <= kMost; begin = end, end *= 2) {
            const auto table = sums.tabulate(curve(first), first, end);
            for (size_t i = begin; i < end; ++i) {
                const double at = first + table->sums[i + 1];
                if (at < first - 1e-9 || at > last + 1e-9)
                    return OfxRangeD{first, first + static_cast<double>(i)};
            }
        }
        return std::nullopt; // it stops somewhere
    }

    mutable RunningSum passed_; // of the speed
};

} // namespace

std::unique_ptr<Instance> make_retime(const EffectInfo& info, OfxImageEffectHandle handle, Context context) {
    return std::make_unique<Retime>(info, handle, context);
}

} // namespace retempo::ofx

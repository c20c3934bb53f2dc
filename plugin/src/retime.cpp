// Retempo Retime: which frames of the source does a time show?
#include <cstring>

#include "effects.h"
#include "properties.h"

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

class Retime : public Instance {
  public:
    Retime(const EffectInfo& effect, OfxImageEffectHandle node, Context where)
        : Instance(effect, node, where) {}

    void plan(double time, Plan& plan) const override {
        const std::optional<Rational> shown = source_time(mapping(time), curve(time), time);
        plan.output = find_output("output", time);
        plan.black = !shown;
        if (!shown) return;
        plan.time = *shown;
        const int64_t first = floor_of(*shown);
        add_frame(plan, source, first, first, time, is_whole(*shown));
        if (!is_whole(*shown)) add_frame(plan, source, first + 1, first + 1, time, false);
        if (is_whole(*shown) && plan.output == bridge::Output::kPicture)
            plan.identity = &plan.fetches.front();
    }

    std::optional<OfxRangeD> time_domain() const override {
        const FrameSpan span = source.frames();
        const auto first = static_cast<double>(span.first), last = static_cast<double>(span.last);
        const TimeMapping map = mapping(first);
        if (!source.connected() || map.timing == Timing::Frame) return std::nullopt;
        if (map.timing == Timing::Speed && map.animated) return walk(map);
        const double speed = constant_speed(map, curve(first), first);
        if (speed == 0) return std::nullopt;
        return OfxRangeD{first, first + std::floor((last - first) / std::fabs(speed) + 1e-6)};
    }

    void refresh() const override {
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

    // Until an animated speed leaves the source.
    std::optional<OfxRangeD> walk(const TimeMapping& map) const {
        constexpr int kMost = 100000;
        const auto first = static_cast<double>(map.source.first), last = static_cast<double>(map.source.last);
        const Curve speed = curve(first);
        double at = first, time = first, here = speed(first);
        for (int i = 0; i < kMost; ++i) {
            const double there = speed(time + 1);
            at += (here + there) / 2;
            if (at < first - 1e-9 || at > last + 1e-9) return OfxRangeD{first, time};
            here = there;
            time += 1;
        }
        return std::nullopt; // it stops somewhere
    }
};

} // namespace

std::unique_ptr<Instance> make_retime(const EffectInfo& info, OfxImageEffectHandle handle, Context context) {
    return std::make_unique<Retime>(info, handle, context);
}

} // namespace retempo::ofx

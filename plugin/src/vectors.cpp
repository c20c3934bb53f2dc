// Retempo Vectors: whose motion is it, and between which frames?
#include <cmath>

#include "effects.h"

namespace retempo::ofx {
namespace {

class Vectors : public Instance {
  public:
    Vectors(const EffectInfo& effect, OfxImageEffectHandle node, Context where)
        : Instance(effect, node, where) {}

    void plan(double time, Plan& plan) const override {
        const FrameSpan span = source.frames();
        auto now = static_cast<int64_t>(std::floor(time));
        now = now < span.first ? span.first : now > span.last ? span.last : now;
        plan.kind = bridge::Kind::kVectors;
        plan.output = find_output("motion", time);
        plan.time = {now, 1};
        for (int64_t frame = now - 1; frame <= now + 1; ++frame) {
            if (frame < span.first || frame > span.last) continue;
            add_frame(plan, source, frame, frame, time, true);
            plan.fetches.back().aside = frame != now; // nothing moves to a frame that is missing
        }
    }
};

} // namespace

std::unique_ptr<Instance> make_vectors(const EffectInfo& info, OfxImageEffectHandle handle, Context context) {
    return std::make_unique<Vectors>(info, handle, context);
}

} // namespace retempo::ofx

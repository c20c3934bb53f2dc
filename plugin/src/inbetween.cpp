// Retempo Inbetween: which two pictures is one made between?
#include <cmath>

#include "effects.h"

namespace retempo::ofx {
namespace {

class Inbetween : public Instance {
  public:
    Inbetween(const EffectInfo& effect, OfxImageEffectHandle node, Context where)
        : Instance(effect, node, where), second_(node, kSecondClip) {
        second = &second_;
    }

    void plan(double time, Plan& plan) const override {
        const bool two = second_.connected();
        const auto now = static_cast<int64_t>(std::floor(time));
        const auto frame = [&](const char* name) {
            return static_cast<int64_t>(parameters.number(name, time));
        };
        plan.output = find_output("output", time);
        // hosts show limits to the user and hand on what an expression says
        plan.time = bridge::rational_time(std::fmin(std::fmax(parameters.number("amount", time), 0.0), 1.0));
        const bool whole = is_whole(plan.time);
        // handed on as frames 0 and 1; where the amount is whole, the other is of no use to a picture
        const bool alone = whole && plan.output != bridge::Output::kVectors;
        if (!alone || plan.time.numerator == 0)
            add_frame(plan, source, two ? now : frame("frameA"), 0, time, alone);
        if (!alone || plan.time.numerator == 1)
            add_frame(plan, two ? second_ : source, two ? now : frame("frameB"), 1, time, alone);
        if (whole && plan.output == bridge::Output::kPicture) plan.identity = &plan.fetches.front();
    }

    void refresh() const override {
        Instance::refresh();
        const bool two = second_.connected();
        parameters.enable("frameA", !two);
        parameters.enable("frameB", !two);
    }

  private:
    const Clip second_;
};

} // namespace

std::unique_ptr<Instance> make_inbetween(const EffectInfo& info, OfxImageEffectHandle handle,
                                         Context context) {
    return std::make_unique<Inbetween>(info, handle, context);
}

} // namespace retempo::ofx

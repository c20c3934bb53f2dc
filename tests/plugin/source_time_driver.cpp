// What do the functions of plugin/src/source_time.h and exposure.h say? One question a line, one answer a line:
// the moments of a picture, with ; between them.
//   timing animated rate_in rate_out outside first last output count value... samples angle offset phase fade cuts
// values: the curve at first, first + 1, ... (one for a constant); between them it is linear. One running sum serves
// all questions, the curve having been edited before each; where it differs from a plain sum, the answer says so.
#include <cstdio>
#include <iostream>
#include <vector>

#include "exposure.h"
#include "running_sum.h"

using namespace retempo::ofx;

struct Curve {
    const std::vector<double>& values;
    double first;
    RunningSum& passed;
    mutable bool differs = false;

    double operator()(double time) const {
        const double at = std::fmax(0, std::fmin(time - first, static_cast<double>(values.size()) - 1));
        const auto low = static_cast<size_t>(at), high = low + 1 < values.size() ? low + 1 : low;
        const double part = at - std::floor(at);
        return values[low] * (1 - part) + values[high] * part;
    }
    double integral(double from, double to) const {
        const double sum = integrate(*this, from, to);
        differs = differs || passed.integrate_curve(*this, from, to) != sum;
        return sum;
    }
};

int main() {
    RunningSum passed;
    int timing, animated, outside, count, offset, fade;
    Shutter shutter;
    Cuts cuts;
    std::string list;
    TimeMapping map;
    double output;
    while (std::cin >> timing >> animated >> map.rate_in >> map.rate_out >> outside >> map.source.first >>
           map.source.last >> output >> count) {
        std::vector<double> values(static_cast<size_t>(count));
        for (double& value : values) std::cin >> value;
        std::cin >> shutter.samples >> shutter.angle >> offset >> shutter.phase >> fade >> list;
        shutter.offset = static_cast<ShutterOffset>(offset);
        cuts.fade = fade != 0;
        if (!parse_cuts(list == "none" ? "" : list, cuts.frames)) {
            std::printf("bad\n");
            continue;
        }
        map.timing = static_cast<Timing>(timing);
        map.animated = animated != 0;
        map.outside = static_cast<Outside>(outside);
        passed.forget();
        const Curve curve{values, static_cast<double>(map.source.first), passed};
        const char* between = "";
        for (const Instant& one : find_instants(map, curve, output, shutter, cuts)) {
            std::printf("%s", between);
            between = ";";
            if (one.how == How::kBlack)
                std::printf("black");
            else
                std::printf("%s%lld/%lld", one.how == How::kFade ? "fade" : "", static_cast<long long>(one.time.numerator),
                            static_cast<long long>(one.time.denominator));
        }
        std::printf(curve.differs ? ";differs\n" : "\n");
    }
}

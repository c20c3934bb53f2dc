// What do the functions of plugin/src/source_time.h say? One question a line, one answer a line.
//   timing animated rate_in rate_out outside first last output count value...
// values: the curve at first, first + 1, ... (one for a constant); between them it is linear.
#include <cstdio>
#include <iostream>
#include <vector>

#include "source_time.h"

using namespace retempo::ofx;

int main() {
    int timing, animated, outside, count;
    TimeMapping map;
    double output;
    while (std::cin >> timing >> animated >> map.rate_in >> map.rate_out >> outside >> map.source.first >>
           map.source.last >> output >> count) {
        std::vector<double> values(static_cast<size_t>(count));
        for (double& value : values) std::cin >> value;
        map.timing = static_cast<Timing>(timing);
        map.animated = animated != 0;
        map.outside = static_cast<Outside>(outside);
        const auto curve = [&](double time) {
            const double at = std::fmax(0, std::fmin(time - static_cast<double>(map.source.first), count - 1.0));
            const auto low = static_cast<size_t>(at), high = low + 1 < values.size() ? low + 1 : low;
            const double part = at - std::floor(at);
            return values[low] * (1 - part) + values[high] * part;
        };
        const auto time = source_time(map, curve, output);
        if (time)
            std::printf("%lld/%lld\n", static_cast<long long>(time->numerator), static_cast<long long>(time->denominator));
        else
            std::printf("black\n");
    }
}

// Which moment of the source does the node show at a time of the host? The one place that knows.
//
// The same answers as retempo.retime.time_map and retempo.retime.outside give: speeds play the source from
// its first frame, or its last if the speed is negative, on from the output frame that has the number of the
// first. An animated speed is integrated from there by the trapezoid rule over whole frames, which is exact
// where the speed is linear between them.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "bridge/rational.h"

namespace retempo::ofx {

using bridge::Rational;

enum class Timing { Speed, Frame, Rate };
enum class Outside { Hold, Loop, Bounce, Black };

struct FrameSpan {
    static constexpr int64_t kFar = 1000000000; // the last frame of a clip without an end
    int64_t first = 0, last = 0;
};

struct TimeMapping {
    Timing timing = Timing::Speed;
    bool animated = false; // does the speed change?
    double rate_in = 24, rate_out = 24;
    Outside outside = Outside::Hold;
    FrameSpan source;
    double delay = 0; // pictures of the source are shown so much later than their frames
};

inline bool is_whole(const Rational& time) { return time.denominator == 1; }

inline int64_t floor_of(const Rational& time) {
    const int64_t whole = time.numerator / time.denominator;
    return time.numerator % time.denominator < 0 ? whole - 1 : whole;
}

// Shorthands of broadcast rates mean what they stand for: 23.976 is 24000/1001.
inline double exact_rate(double rate) {
    struct Shorthand {
        double written;
        int nominal;
    };
    constexpr Shorthand kShorthands[] = {{23.976, 24}, {23.98, 24},  {29.97, 30},  {47.952, 48}, {47.95, 48},
                                         {59.94, 60},  {71.928, 72}, {95.904, 96}, {119.88, 120}};
    for (const Shorthand& one : kShorthands)
        if (rate == one.written) return one.nominal * 1000 / 1001.0;
    return rate;
}

// Frames that are passed in one output frame where that is the same all the time.
template <class Value>
double constant_speed(const TimeMapping& map, const Value& value, double at) {
    return map.timing == Timing::Rate ? exact_rate(map.rate_in) / exact_rate(map.rate_out) : value(at);
}

// Before it is decided what stands outside of the source. value: the speed or frame parameter, double(double
// time), with its double integral(double from, double to).
template <class Value>
Rational unbounded_time(const TimeMapping& map, const Value& value, double output) {
    const auto first = static_cast<double>(map.source.first), last = static_cast<double>(map.source.last);
    const auto shown = [&](double time) { return bridge::rational_time(time - map.delay); };
    if (map.timing == Timing::Frame) return shown(value(output));
    if (map.timing == Timing::Speed && map.animated) return shown(first + value.integral(first, output));
    const double speed = constant_speed(map, value, output);
    return shown((speed < 0 ? last : first) + speed * (output - first));
}

// Brings a time into the source; nothing where black stands.
inline std::optional<Rational> fold_time(const Rational& time, const FrameSpan& source, Outside outside) {
    const int64_t d = time.denominator, first = source.first * d, last = source.last * d;
    const auto modulo = [](int64_t a, int64_t b) { return (a % b + b) % b; };
    const int64_t t = time.numerator;
    if (t >= first && t <= last) return time;
    const Rational nearest{t < first ? source.first : source.last, 1};
    switch (outside) {
    case Outside::Black:
        return std::nullopt;
    case Outside::Loop: {
        const int64_t folded = first + modulo(t - first, last - first + d);
        return folded > last ? Rational{source.last, 1} : Rational{folded, d};
    }
    case Outside::Bounce: {
        if (last == first) return nearest;
        const int64_t turn = modulo(t - first, 2 * (last - first));
        return Rational{first + (turn < 2 * (last - first) - turn ? turn : 2 * (last - first) - turn), d};
    }
    case Outside::Hold:
        break;
    }
    return nearest;
}

// The source time at `output`. value: as above. Throws BridgeError for a time that is no number.
template <class Value>
std::optional<Rational> source_time(const TimeMapping& map, const Value& value, double output) {
    return fold_time(unbounded_time(map, value, output), map.source, map.outside);
}

} // namespace retempo::ofx

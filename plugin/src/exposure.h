// Of which moments is the picture at a time of the host the mean, and how is each of them made?
//
// The same answers as retempo.retime.shutter and retempo.retime.cuts give.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "source_time.h"

namespace retempo::ofx {

using bridge::How;
using bridge::Instant;

enum class ShutterOffset { Centred, Start, End, Custom };

struct Shutter {
    int samples = 1; // 0: as many as the motion is long
    double angle = 180;
    ShutterOffset offset = ShutterOffset::Centred;
    double phase = -90;
};

constexpr int kAutoInstants = 64;

struct Cuts {
    std::vector<int64_t> frames; // first ones of new shots, ascending
    bool fade = false;

    size_t shot(int64_t frame) const {
        return static_cast<size_t>(std::upper_bound(frames.begin(), frames.end(), frame) - frames.begin());
    }

    // Those that part some of the frames from `first` to `last`, with commas.
    std::string list(int64_t first, int64_t last) const {
        std::string text;
        for (const int64_t cut : frames)
            if (cut > first && cut <= last) text += (text.empty() ? "" : ",") + std::to_string(cut);
        return text;
    }
};

// The frames of "1010,1050"; false for anything but whole numbers with commas between them.
inline bool parse_cuts(const std::string& text, std::vector<int64_t>& frames) {
    constexpr const char* kBlanks = " \t\n\r\f\v";
    frames.clear();
    if (text.find_first_not_of(kBlanks) == std::string::npos) return true;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t comma = std::min(text.find(',', begin), text.size());
        std::string part = text.substr(begin, comma - begin);
        begin = comma + 1;
        part.erase(0, std::min(part.find_first_not_of(kBlanks), part.size()));
        part.erase(part.find_last_not_of(kBlanks) + 1);
        const size_t digits = part.size() - (part[0] == '-' ? 1 : 0);
        if (digits < 1 || digits > 9 ||
            part.find_first_not_of("0123456789", part.size() - digits) != std::string::npos)
            return false;
        frames.push_back(std::strtoll(part.c_str(), nullptr, 10));
    }
    std::sort(frames.begin(), frames.end());
    return true;
}

// A moment without motion across a cut: the nearer frame, the later from half way on; or a mix of the two.
inline Instant settle(const std::optional<Rational>& time, const Cuts& cuts) {
    if (!time) return {{0, 1}, How::kBlack};
    if (is_whole(*time)) return {{floor_of(*time), 1}, How::kMotion};
    const int64_t first = floor_of(*time);
    if (cuts.shot(first) == cuts.shot(first + 1)) return {*time, How::kMotion};
    if (cuts.fade) return {*time, How::kFade};
    const bool later = 2 * (time->numerator - first * time->denominator) >= time->denominator;
    return {{later ? first + 1 : first, 1}, How::kMotion};
}

inline bool same(const Instant& a, const Instant& b) {
    return a.how == b.how &&
           (a.how == How::kBlack || // times are in lowest terms
            (a.time.numerator == b.time.numerator && a.time.denominator == b.time.denominator));
}

// When the shutter opens, in output frames after the frame's time.
inline double opening(const Shutter& shutter) {
    switch (shutter.offset) {
    case ShutterOffset::Start:
        return 0;
    case ShutterOffset::End:
        return -shutter.angle / 360;
    case ShutterOffset::Custom:
        return shutter.phase / 360;
    case ShutterOffset::Centred:
        break;
    }
    return -shutter.angle / 720;
}

// In the order of output time; one where nothing is blurred. value: as for source_time. Throws BridgeError
// for a time that is no number.
template <class Value>
std::vector<Instant> find_instants(const TimeMapping& map, const Value& value, double output,
                                   const Shutter& shutter, const Cuts& cuts) {
    const Instant here = settle(source_time(map, value, output), cuts);
    if (shutter.samples == 1) return {here};
    const int count = shutter.samples > 0 ? shutter.samples : kAutoInstants;
    std::vector<Instant> found;
    for (int k = 0; k < count; ++k) {
        const double at = output + opening(shutter) + shutter.angle / 360 * (2 * k + 1) / (2.0 * count);
        const Instant one = settle(source_time(map, value, at), cuts);
        // a held cut is not blurred over
        const bool other = !cuts.fade && one.how != How::kBlack && here.how != How::kBlack &&
                           cuts.shot(floor_of(one.time)) != cuts.shot(floor_of(here.time));
        if (!other) found.push_back(one);
    }
    if (found.empty()) return {here};
    const bool still =
        std::all_of(found.begin(), found.end(), [&](const Instant& one) { return same(one, found.front()); });
    if (still) found.resize(1);
    return found;
}

} // namespace retempo::ofx

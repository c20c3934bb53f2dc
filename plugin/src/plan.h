// What does a picture at one time consist of? Everything that actions ask follows from this.
#pragma once

#include <string>
#include <vector>

#include "bridge/client.h"
#include "clip.h"

namespace retempo::ofx {

struct Fetch {
    const Clip* clip = nullptr;
    int64_t frame = 0; // which picture of the clip
    bridge::Role role = bridge::Role::kSource;
    int64_t number = 0; // as what it is handed on
    bool aside = false; // only tells how others move: where there is no picture, it is left out
};

// Is it one of the layers that a matte separates, or the matte?
inline bool needs_matte(bridge::Output output) {
    return output == bridge::Output::kForeground || output == bridge::Output::kBackground ||
           output == bridge::Output::kMatte;
}

struct Plan {
    double delay = 0;   // asked for: how much later than their frames are the pictures shown (fields)?
    bool black = false; // nothing is there: transparent black
    bridge::Kind kind = bridge::Kind::kRetime;
    bridge::Output output = bridge::Output::kPicture;
    bridge::Rational time;
    std::vector<bridge::Instant> instants; // what it is the mean of; none: `time`, by motion
    std::string cuts;                      // as the worker wants them; those among `fetches`
    std::vector<Fetch> fetches;
    const Fetch* identity = nullptr; // one of `fetches`, whose picture is the result as it stands

    Plan() = default;
    Plan(const Plan&) = delete; // identity points inside
    Plan& operator=(const Plan&) = delete;
};

} // namespace retempo::ofx

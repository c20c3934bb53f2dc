// How long may this take, and does anybody still want it? One object that every waiting loop asks.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

#include "bridge/error.h"

namespace retempo::bridge {

using Clock = std::chrono::steady_clock; // stands still while the machine sleeps
using Milliseconds = std::chrono::milliseconds;

// True when the host no longer wants the result. Called on the thread that calls render, every 20 ms or so;
// must not throw.
using Abort = std::function<bool()>;

class Watch {
  public:
    static constexpr Milliseconds kLook{20}; // between two looks at the host's abort

    Watch(const Abort& abort, Clock::time_point deadline) : abort_(abort), deadline_(deadline) {}

    Clock::time_point deadline() const { return deadline_; }
    bool late() const { return Clock::now() >= deadline_; }

    // Throws BridgeError: kCancelled, kDeadline.
    void check() const {
        if (abort_ && abort_())
            throw BridgeError(Problem::kCancelled, "the host cancelled the render", "", 130);
        if (late())
            throw BridgeError(Problem::kDeadline, "the render took longer than it was given",
                              "render at a lower resolution or with a faster flow, or allow more time "
                              "(RETEMPO_RENDER_DEADLINE, in seconds)");
    }

    // Milliseconds that a poll may sleep: until `until`, the deadline, or the next look at the host's abort.
    int nap(Clock::time_point until) const {
        const auto left = std::min(until, deadline_) - Clock::now();
        const auto most = abort_ ? kLook : Milliseconds{250};
        const auto nap = std::chrono::ceil<Milliseconds>(left);
        return static_cast<int>(std::clamp(nap, Milliseconds{0}, most).count());
    }

  private:
    const Abort& abort_;
    Clock::time_point deadline_;
};

} // namespace retempo::bridge

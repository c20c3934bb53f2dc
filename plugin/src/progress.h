// How does a user see that a render goes on, and call it off? Through the host's progress suite, if it has
// one.
//
// Only what takes longer than a second is worth it. Of the renders of a node that run at once, one shows.
#pragma once

#include <chrono>

#include "instance.h"

namespace retempo::ofx {

class Progress {
  public:
    explicit Progress(const Instance& node) : node_(node) {}
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress(); // ends what is shown

    // So much is done, of 1; shown by the next `look`.
    void note(double done) { done_ = done; }
    // Called every few milliseconds on the thread that renders. False once the user has called it off.
    bool look();
    bool cancelled() const { return cancelled_; }

  private:
    using Clock = std::chrono::steady_clock;
    void start();
    void update();

    const Instance& node_;
    const Clock::time_point began_ = Clock::now();
    Clock::time_point shown_ = began_;
    double done_ = 0;
    bool tried_ = false, open_ = false, cancelled_ = false;
};

} // namespace retempo::ofx

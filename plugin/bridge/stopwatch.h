// How long does a block take? Its microseconds, added to a sum.
#pragma once

#include <chrono>
#include <cstdint>

#include "bridge/watch.h"

namespace retempo::bridge {

class Stopwatch {
  public:
    explicit Stopwatch(int64_t& sum) : sum_(sum) {}
    ~Stopwatch() {
        sum_ += std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began_).count();
    }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

  private:
    int64_t& sum_;
    Clock::time_point began_ = Clock::now();
};

} // namespace retempo::bridge

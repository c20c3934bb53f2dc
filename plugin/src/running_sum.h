// How far has an animated speed come since the first frame? Without asking the host for it at every frame
// again.
//
// What was summed up is kept, in tables that never change once they are shared: readers hold the lock for the
// copy of a pointer, and none while the host is asked. The sums are those of `integrate`, bit for bit: they
// are added in the same order. A table is of use until `forget`, and as long as the curve has at a few places
// what it had: not every host says when one is edited.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace retempo::ofx {

// Integral from `from` to `to`, by the trapezoid rule over whole frames. value: double(double time).
template <class Value>
double integrate(const Value& value, double from, double to) {
    if (to < from) return -integrate(value, to, from);
    double sum = 0, time = from, here = value(from);
    while (time < to) {
        const double next = std::fmin(std::floor(time) + 1, to);
        const double there = value(next);
        sum += (here + there) / 2 * (next - time);
        time = next;
        here = there;
    }
    return sum;
}

class RunningSum {
  public:
    struct Table {
        double from = 0;
        std::vector<double> values, sums; // at `from`, a frame later...; from there to it
    };

    // The curve has been edited.
    void forget() {
        const std::lock_guard<std::mutex> guard(mutex_);
        kept_.reset();
        ++edition_;
    }

    // The same as `integrate`. value: double(double time), of one curve in all calls.
    template <class Value>
    double integrate_curve(const Value& value, double from, double to) {
        const double whole = std::floor(to);
        if (from != std::floor(from) || !(to > from) || whole - from > kMost)
            return integrate(value, from, to);
        const auto step = static_cast<size_t>(whole - from);
        const std::shared_ptr<const Table> table = tabulate(value, from, step);
        const double sum = table->sums[step];
        return to == whole ? sum : sum + (table->values[step] + value(to)) / 2 * (to - whole);
    }

    // A table with so many steps at least. from: a whole number.
    template <class Value>
    std::shared_ptr<const Table> tabulate(const Value& value, double from, size_t steps) {
        uint64_t edition = 0;
        const std::shared_ptr<const Table> seen = take(edition);
        std::shared_ptr<const Table> kept = seen;
        if (kept != nullptr && !(kept->from == from && agrees(*kept, value, steps))) kept.reset();
        if (kept != nullptr && kept->sums.size() > steps) return kept;
        auto longer = std::make_shared<Table>();
        if (kept != nullptr)
            *longer = *kept;
        else
            *longer = {from, {value(from)}, {0.0}};
        const size_t size = (steps / kAhead + 1) * kAhead;
        while (longer->sums.size() < size) {
            const double here = longer->values.back(),
                         there = value(from + static_cast<double>(longer->values.size()));
            longer->sums.push_back(longer->sums.back() + (here + there) / 2);
            longer->values.push_back(there);
        }
        const std::lock_guard<std::mutex> guard(mutex_);
        if (edition == edition_ && (kept_ == seen || kept_ == nullptr || kept_->sums.size() < size))
            kept_ = longer;
        return longer;
    }

  private:
    static constexpr double kMost = 1e6;  // steps that are worth their memory
    static constexpr size_t kAhead = 256; // asked for together

    std::shared_ptr<const Table> take(uint64_t& edition) {
        const std::lock_guard<std::mutex> guard(mutex_);
        edition = edition_;
        return kept_;
    }

    template <class Value>
    static bool agrees(const Table& table, const Value& value, size_t step) {
        const size_t last = table.values.size() - 1, end = step < last ? step : last;
        for (const size_t at : {end, end / 2, size_t{0}})
            if (value(table.from + static_cast<double>(at)) != table.values[at]) return false;
        return true;
    }

    std::mutex mutex_;
    std::shared_ptr<const Table> kept_;
    uint64_t edition_ = 0;
};

} // namespace retempo::ofx

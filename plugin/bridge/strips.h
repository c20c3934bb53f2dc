// How is a large picture walked by a few threads? In strips of rows, taken from one counter.
//
// The calling thread takes part and is the only one that looks at the watch. Threads live as long as the
// call; small pictures never see a second one.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

#include "bridge/watch.h"

namespace retempo::bridge {

constexpr size_t kStripBytes = size_t{256} << 10; // stays in a core's cache
constexpr int kMostStripRows = 64;

inline int strip_rows(size_t row_bytes) {
    return static_cast<int>(std::clamp<size_t>(kStripBytes / row_bytes, 1, kMostStripRows));
}

enum class Hands { kOne, kFew }; // the caller's alone, where others have better use for the cores

// make_worker() gives a callable for one thread; it is called with the first row and the number of rows of a
// strip. Throws what a strip throws, and BridgeError of the watch.
template <class MakeWorker>
void for_strips(int rows, size_t row_bytes, const Watch& watch, Hands hands, MakeWorker make_worker) {
    constexpr size_t kWorthThreads = size_t{4} << 20;
    const int strip = strip_rows(row_bytes);
    std::atomic<int> next{0};
    std::atomic<bool> stop{false};
    const auto take = [&](auto& worker) {
        const int first = next.fetch_add(strip);
        if (first >= rows || stop) return false;
        worker(first, std::min(strip, rows - first));
        return true;
    };
    std::vector<std::exception_ptr> failures;
    std::vector<std::thread> threads;
    if (hands == Hands::kFew && row_bytes * static_cast<size_t>(rows) >= kWorthThreads) {
        const unsigned count = std::min(4u, std::max(1u, std::thread::hardware_concurrency())) - 1;
        failures.resize(count);
        threads.reserve(count);
        try {
            for (unsigned i = 0; i < count; ++i)
                threads.emplace_back([&, i] {
                    try {
                        auto worker = make_worker();
                        while (take(worker)) {}
                    } catch (...) {
                        failures[i] = std::current_exception();
                        stop = true;
                    }
                });
        } catch (const std::system_error&) { // no more threads to be had: those that run will do
        }
    }
    std::exception_ptr failure;
    try {
        auto worker = make_worker();
        do watch.check();
        while (take(worker));
    } catch (...) {
        failure = std::current_exception();
        stop = true;
    }
    for (std::thread& thread : threads) thread.join();
    if (failure) std::rethrow_exception(failure);
    for (const std::exception_ptr& other : failures)
        if (other) std::rethrow_exception(other);
}

} // namespace retempo::bridge

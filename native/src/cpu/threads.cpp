#include "threads.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

#include "retempo/ops.h"

namespace retempo::cpu {
namespace {

struct Job {
    void (*body)(void*, int64_t) = nullptr;
    void* context = nullptr;
    int64_t count = 0;
    std::atomic<int64_t> next{0};
    std::atomic<bool> failed{false};
    std::exception_ptr error;
    std::mutex error_lock;

    void work() {
        for (;;) {
            const int64_t piece = next.fetch_add(1, std::memory_order_relaxed);
            if (piece >= count || failed.load(std::memory_order_relaxed)) return;
            try {
                body(context, piece);
            } catch (...) {
                std::lock_guard<std::mutex> hold(error_lock);
                if (!error) error = std::current_exception();
                failed = true;
            }
        }
    }
};

// One job at a time; callers queue on `turn`. Never destroyed: threads sleep until the process ends.
class Pool {
  public:
    void run(Job& job, int helpers) {
        std::lock_guard<std::mutex> mine(turn_);
        {
            std::lock_guard<std::mutex> hold(lock_);
            while (static_cast<int>(workers_) < helpers) {
                const int index = workers_++;
                std::thread([this, index] { loop(index); }).detach();
            }
            job_ = &job;
            wanted_ = busy_ = helpers;
            ++ticket_;
        }
        wake_.notify_all();
        job.work();
        std::unique_lock<std::mutex> hold(lock_);
        done_.wait(hold, [this] { return busy_ == 0; });
        job_ = nullptr;
    }

  private:
    void loop(int index) {
        uint64_t seen = 0;
        for (;;) {
            Job* job;
            {
                std::unique_lock<std::mutex> hold(lock_);
                wake_.wait(hold, [&] { return ticket_ != seen && job_ != nullptr; });
                seen = ticket_;
                if (index >= wanted_) continue;
                job = job_;
            }
            job->work();
            std::lock_guard<std::mutex> hold(lock_);
            if (--busy_ == 0) done_.notify_all();
        }
    }

    std::mutex turn_, lock_;
    std::condition_variable wake_, done_;
    Job* job_ = nullptr;
    int workers_ = 0, wanted_ = 0, busy_ = 0;
    uint64_t ticket_ = 0;
};

std::atomic<Pool*> pool{nullptr};

Pool& the_pool() {
    Pool* found = pool.load();
    if (found) return *found;
    static std::mutex lock;
    std::lock_guard<std::mutex> hold(lock);
    if (!pool.load()) {
#if defined(__linux__)
        // A forked child has none of the threads: it starts a pool of its own (the old one is left alone).
        static std::once_flag once;
        std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { pool.store(nullptr); }); });
#endif
        pool.store(new Pool);
    }
    return *pool.load();
}

struct Buffers {
    void* data[kScratchSlots] = {};
    size_t size[kScratchSlots] = {};
    ~Buffers() {
        for (void* d : data) std::free(d);
    }
};

} // namespace

int default_threads() {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return larger(1, static_cast<int>(CPU_COUNT(&set)));
#endif
    return larger(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void run_pieces(int64_t count, int threads, void (*body)(void*, int64_t), void* context) {
    if (count <= 0) return;
    if (threads <= 0) threads = default_threads();
    threads = static_cast<int>(smaller<int64_t>(smaller(threads, 256), count));
    Job job;
    job.body = body;
    job.context = context;
    job.count = count;
    if (threads == 1)
        job.work();
    else
        the_pool().run(job, threads - 1);
    if (job.error) std::rethrow_exception(job.error);
}

void* scratch(int slot, size_t bytes) {
    thread_local Buffers buffers;
    if (buffers.size[slot] < bytes) {
        std::free(buffers.data[slot]);
        buffers.size[slot] = 0;
        const size_t rounded = (bytes + 63) / 64 * 64;
        buffers.data[slot] = std::aligned_alloc(64, rounded);
        if (!buffers.data[slot]) throw std::bad_alloc();
        buffers.size[slot] = rounded;
    }
    return buffers.data[slot];
}

void parallel_copy(void* to, const void* from, int64_t bytes, int threads) {
    constexpr int64_t piece = 1 << 20;
    auto body = [&](int64_t i) {
        const int64_t start = i * piece;
        std::memcpy(static_cast<char*>(to) + start, static_cast<const char*>(from) + start,
                    static_cast<size_t>(smaller(piece, bytes - start)));
    };
    for_pieces((bytes + piece - 1) / piece, threads, body);
}

} // namespace retempo::cpu

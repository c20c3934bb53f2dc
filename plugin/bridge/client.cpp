// How does one render go? Recognise the frames, borrow a connection, exchange, and start again where a worker
// is gone or a frame was taken for another.
#include "bridge/client.h"

#include <cstdlib>
#include <fstream>
#include <new>

#include "bridge/content.h"
#include "bridge/exchange.h"
#include "bridge/pool.h"
#include "bridge/recall.h"
#include "bridge/request_message.h"
#include "bridge/stopwatch.h"

namespace retempo::bridge {
namespace {

// The one exception type that leaves the bridge.
template <class Body>
auto guarded(Body body) -> decltype(body()) {
    try {
        return body();
    } catch (const BridgeError&) { throw; } catch (const WorkerGone& gone) {
        throw BridgeError(Problem::kLost, gone.what, "try again");
    } catch (const std::bad_alloc&) {
        throw BridgeError(Problem::kMemory, "the host has no memory left for the bridge", "free some memory",
                          4);
    } catch (const std::exception& error) {
        throw BridgeError(Problem::kInternal, std::string("the bridge failed: ") + error.what(),
                          "report this");
    } catch (...) { throw BridgeError(Problem::kInternal, "the bridge failed", "report this"); }
}

void take_over(Result& result, const wire::Done& done) {
    result.motion = static_cast<Motion>(done.motion);
    result.info = done.info;
    result.repaired = done.repaired;
    result.cache_used = done.cache_used;
    result.worker_receive_us = done.receive_us;
    result.worker_queued_us = done.queued_us;
    result.worker_prepare_us = done.prepare_us;
    result.worker_render_us = done.render_us;
    result.worker_deliver_us = done.deliver_us;
}

// One call of render: attempts until one succeeds or its failure is final.
class Job {
  public:
    Job(const Options& options, Pool& pool, const Request& request, const Watch& watch)
        : options_(options), pool_(pool), request_(request), watch_(watch),
          window_(request.window.empty() ? request.picture.bounds : request.window) {
        look();
    }

    // False: once more. Throws BridgeError.
    bool attempt(const Progress& progress) {
        Pool::Lease lease = borrow();
        Process& worker = lease->channel.peer();
        result_.worker = worker.pid();
        result_.frames_sent = 0;
        Exchange exchange(*lease, request_, message_, content_, options_.limits, watch_, result_);
        try {
            const std::optional<wire::Done> done = exchange.run(window_, progress);
            if (done) {
                take_over(result_, *done);
                note_frames(content_, message_);
            }
            if (done || exchange.abandon()) lease.keep();
            return done.has_value();
        } catch (const WorkerGone& gone) {
            if (gone.silent) put_away(worker, watch_);
            if (result_.restarted)
                throw BridgeError(Problem::kLost, gone.what + ", again after it was started anew",
                                  "try a lower resolution or another flow; see " + pool_.directory.log());
            result_.restarted = true;
        } catch (const OtherPixels& other) {
            if (exchange.abandon()) lease.keep();
            look_again(other);
        } catch (const BridgeError& error) {
            const bool sound = error.problem() == Problem::kCancelled ||
                               error.problem() == Problem::kDeadline || error.problem() == Problem::kWorker;
            if (sound && exchange.abandon()) lease.keep();
            throw;
        }
        return false;
    }

    const Result& result() const { return result_; }

  private:
    void look() {
        const Stopwatch time(result_.hash_us);
        message_ = make_message(request_, window_);
        content_ = recall_frames(request_, message_, watch_);
    }

    void look_again(const OtherPixels& other) {
        if (looked_again_)
            refuse("the pixels of frame " + std::to_string(other.number) + " change while they are read");
        looked_again_ = true;
        Recall::instance().distrust(); // from now on pixels count, not what the host calls them
        look();
    }

    Pool::Lease borrow() {
        const Stopwatch time(result_.connect_us);
        return pool_.borrow(options_, watch_);
    }

    const Options& options_;
    Pool& pool_;
    const Request& request_;
    const Watch& watch_;
    const Bounds window_;
    Result result_;
    wire::Render message_;
    Content content_;
    bool looked_again_ = false;
};

} // namespace

Client::Client(Options options) : options_(std::move(options)) {
    guarded([&] {
        if (const char* seconds = std::getenv("RETEMPO_RENDER_DEADLINE"); seconds != nullptr)
            if (const long value = std::strtol(seconds, nullptr, 10); value > 0 && value <= 86400)
                options_.limits.render = Milliseconds{value * 1000};
        pool_ = Registry::instance().pool(find_runtime_directory(options_.runtime_directory));
    });
}

Result Client::render(const Request& request, const Abort& abort, const Progress& progress) const {
    return guarded([&] {
        const Milliseconds given = request.deadline.count() > 0 ? request.deadline : options_.limits.render;
        const Watch watch(abort, Clock::now() + given);
        Job job(options_, *pool_, request, watch);
        while (!job.attempt(progress)) {}
        return job.result();
    });
}

std::string Client::ask(wire::Type question, bool start) const {
    return guarded([&]() -> std::string {
        const Abort nobody;
        const Watch watch(nobody, Clock::now() + options_.limits.start + options_.limits.connect);
        std::unique_ptr<Connection> found;
        if (!start) {
            check_runtime_directory(pool_->directory);
            found = find_worker(options_, pool_->directory, watch);
            if (!found) return "";
        }
        Pool::Lease lease = found ? Pool::Lease(pool_, std::move(found)) : pool_->borrow(options_, watch);
        const uint64_t number = lease->next_request++;
        const Clock::time_point until = Clock::now() + options_.limits.silence;
        lease->channel.send(question, number, {}, -1, until, watch);
        while (Clock::now() < until) {
            const std::optional<Message> message = lease->channel.receive(until, watch);
            if (!message || message->header.type != wire::Type::kStatusReply ||
                message->header.request != number)
                continue;
            lease.keep();
            return std::string(message->payload.begin(), message->payload.end());
        }
        throw WorkerGone{"the worker does not answer", true};
    });
}

std::string Client::status(bool start) const { return ask(wire::Type::kStatus, start); }
void Client::stop_worker() const { ask(wire::Type::kStop, false); }
std::string Client::log() const { return pool_->directory.log(); }
std::string Client::start_log() const { return pool_->directory.start_log(); }

std::string Client::describe_log() const {
    constexpr std::streamoff kTail = 3000;
    std::ifstream file(log(), std::ios::binary | std::ios::ate);
    if (!file) return "There is no log yet. It will be " + log();
    const std::streamoff size = file.tellg();
    file.seekg(size > kTail ? size - kTail : 0);
    std::string line, lines;
    if (size > kTail) std::getline(file, line); // the rest of one
    while (std::getline(file, line)) {
        for (char& c : line)
            if (static_cast<unsigned char>(c) < 0x20) c = ' ';
        lines += "\n" + line;
    }
    return wire::is_utf8(lines) ? log() + lines : log();
}

void shutdown() {
    Registry::instance().close();
    Recall::instance().clear();
}

} // namespace retempo::bridge

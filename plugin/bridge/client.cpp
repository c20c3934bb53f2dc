// How does one render go? Recognise the frames, borrow a connection, ask, with new frames along, send what is
// lacking, wait, copy the result.
#include "bridge/client.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <new>

#include "bridge/frame_copy.h"
#include "bridge/pool.h"
#include "bridge/recall.h"

namespace retempo::bridge {
namespace {

using wire::Type;

// Adds the time of a block to a sum of microseconds.
class Stopwatch {
  public:
    explicit Stopwatch(int64_t& sum) : sum_(sum) {}
    ~Stopwatch() {
        sum_ += std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began_).count();
    }

  private:
    int64_t& sum_;
    Clock::time_point began_ = Clock::now();
};

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

[[noreturn]] void refuse(const std::string& what) {
    throw BridgeError(Problem::kRequest, what, "this is an error of the plugin: report it", 2);
}

template <class Data>
void check_picture(const PictureOf<Data>& picture, const std::string& name) {
    const Bounds& bounds = picture.bounds;
    const auto reasonable = [](int v) { return v >= -wire::kLargestPlace && v <= wire::kLargestPlace; };
    if (!reasonable(bounds.x1) || !reasonable(bounds.y1) || !reasonable(bounds.x2) ||
        !reasonable(bounds.y2) || bounds.empty() || bounds.width() > int{wire::kLargestSide} ||
        bounds.height() > int{wire::kLargestSide})
        refuse(name + " has no size, or one beyond 32768 pixels");
    if (picture.data == nullptr) refuse(name + " has no pixels");
    const auto row =
        static_cast<ptrdiff_t>(sample_bytes(picture.depth)) * picture.channels() * bounds.width();
    if (std::abs(picture.row_bytes) < row && bounds.height() > 1) refuse(name + " has rows that overlap");
}

// Colour is multiplied by alpha in pictures, not in vectors, depth, mattes or confidence.
template <class Data>
PictureOf<Data> as_data(PictureOf<Data> picture, bool is_colour) {
    if (!is_colour) picture.alpha = AlphaState::kPremultiplied;
    return picture;
}

wire::Render make_message(const Request& request, const Bounds& window) {
    if (request.display.empty()) refuse("the display window has no size");
    check_picture(request.picture, "the output picture");
    if (window.empty() || !request.picture.bounds.contains(window))
        refuse("the render window is not inside the output picture");
    if (request.frames.empty() || request.frames.size() > wire::kMostFrames)
        refuse("a request has 1 to 64 frames, not " + std::to_string(request.frames.size()));
    wire::Render message;
    message.kind = static_cast<uint16_t>(request.kind);
    message.output = static_cast<uint16_t>(request.output);
    message.channels = static_cast<uint8_t>(request.picture.channels());
    message.window = wire_window(window, request.display);
    message.display = wire_window(request.display, request.display);
    message.numerator = request.time.numerator;
    message.denominator = request.time.denominator;
    for (const Instant& one : request.instants)
        message.instants.push_back({one.time.numerator, static_cast<uint32_t>(one.time.denominator),
                                    static_cast<uint32_t>(one.how)});
    message.stride = static_cast<int64_t>(4) * request.picture.channels() * window.width();
    message.settings = request.settings;
    for (const auto& [key, value] : request.settings)
        if (!wire::is_utf8(key) || !wire::is_utf8(value)) refuse("the setting " + key + " is not UTF-8");
    for (const Frame& frame : request.frames) {
        check_picture(frame.picture, "frame " + std::to_string(frame.number));
        wire::FrameEntry entry;
        entry.role = static_cast<uint8_t>(frame.role);
        entry.channels = static_cast<uint8_t>(frame.picture.channels());
        entry.number = frame.number;
        entry.window = wire_window(frame.picture.bounds, request.display);
        message.frames.push_back(entry);
    }
    return message;
}

// What is known of the frames before anything is sent.
struct Content {
    std::vector<std::string> identities, samples; // keys of Recall
    std::vector<bool> known;                      // its digest is in the message
};

bool is_colour(Output output) {
    return output == Output::kPicture || output == Output::kForeground || output == Output::kBackground;
}

Picture picture_of(const Frame& frame) { return as_data(frame.picture, frame.role == Role::kSource); }

// Digests of frames that were handed over before. The others are hashed when they are copied.
Content recall_frames(const Request& request, wire::Render& message, const Watch& watch) {
    Content content;
    for (size_t i = 0; i < request.frames.size(); ++i) {
        const Picture picture = picture_of(request.frames[i]);
        wire::FrameEntry& entry = message.frames[i];
        content.samples.push_back(sample_key(picture, entry.window));
        content.identities.push_back(identity_key(request.frames[i].identity, content.samples[i]));
        std::optional<wire::Digest> digest;
        if (!content.identities[i].empty()) digest = Recall::instance().find(content.identities[i]);
        if (!digest && Recall::instance().find(content.samples[i]))
            digest = digest_picture(picture, entry.window, watch);
        content.known.push_back(digest.has_value());
        if (digest) entry.digest = *digest;
    }
    return content;
}

// For the next request with the same frames: the worker has them now.
void note_frames(const Content& content, const wire::Render& message) {
    for (size_t i = 0; i < message.frames.size(); ++i) {
        Recall::instance().note(content.identities[i], message.frames[i].digest);
        Recall::instance().note(content.samples[i], message.frames[i].digest);
    }
}

// A frame was taken for another: its identity stood for other pixels, or they change while they are read.
struct OtherPixels {
    int64_t number;
};

// One request over one connection, from RENDER to the delivered result.
class Exchange {
  public:
    Exchange(Connection& connection, const Request& request, wire::Render& message, Content& content,
             const Limits& limits, const Watch& watch, Result& result)
        : connection_(connection), request_(request), message_(message), content_(content), limits_(limits),
          watch_(watch), result_(result), number_(connection.next_request++) {}

    // Throws WorkerGone, OtherPixels, BridgeError.
    wire::Done run(const Bounds& window, const Progress& progress) {
        end_ = wire_bytes(request_.picture.channels(), window);
        memory_ = connection_.take_memory(end_);
        wire::Render message = message_;
        share_new_frames(message);
        const auto left = std::chrono::ceil<Milliseconds>(watch_.deadline() - Clock::now()).count();
        message.deadline_ms = static_cast<uint32_t>(std::max<int64_t>(left, 1));
        asked_ = true;
        send(Type::kRender, message.pack(), static_cast<int>(memory_->handle()));
        wire::Done done;
        {
            const int64_t written = result_.write_us;
            const Stopwatch time(result_.wait_us);
            done = wait(progress);
            result_.wait_us -= result_.write_us - written;
        }
        asked_ = false;
        const Stopwatch time(result_.deliver_us);
        deliver_picture(*memory_, as_data(request_.picture, is_colour(request_.output)), window, watch_);
        memory_->settle(end_);
        connection_.spare.push_back(std::move(memory_));
        return done;
    }

    // The result is not wanted any more; the connection may be used for other requests if this gives true.
    bool abandon() {
        if (!asked_) {
            if (memory_) connection_.spare.push_back(std::move(memory_));
            return !connection_.channel.broken();
        }
        connection_.lent.emplace(number_, std::move(memory_));
        return connection_.lent.size() < kMostLent && connection_.channel.try_send(Type::kCancel, number_);
    }

  private:
    // Frames never seen here go along with RENDER, hashed by the same pass: no question, no second look.
    void share_new_frames(wire::Render& message) {
        const Stopwatch time(result_.hash_us);
        for (size_t i = 0; i < message.frames.size(); ++i) {
            if (content_.known[i]) continue;
            wire::FrameEntry& entry = message.frames[i];
            entry.offset = share(i, entry.digest);
            entry.eager = true;
            message_.frames[i].digest = entry.digest;
            content_.known[i] = true;
            ++result_.frames_sent;
        }
    }

    // Behind what is in the memory already; gives where that is.
    uint64_t share(size_t index, wire::Digest& digest) {
        const Picture picture = picture_of(request_.frames[index]);
        const uint64_t offset = (end_ + 4095) / 4096 * 4096;
        end_ = offset + wire_bytes(picture.channels(), picture.bounds);
        memory_->grow(end_);
        digest = share_picture(picture, message_.frames[index].window, *memory_, offset, watch_);
        return offset;
    }

    void send(Type type, const wire::Bytes& payload, int fd) {
        connection_.channel.send(type, number_, payload, fd, Clock::now() + limits_.silence, watch_);
    }

    wire::Done wait(const Progress& progress) {
        Clock::time_point heard = Clock::now(), ping = heard + limits_.heartbeat;
        for (;;) {
            watch_.check();
            const std::optional<Message> message = connection_.channel.receive(ping, watch_);
            const Clock::time_point now = Clock::now();
            if (message) {
                heard = now;
                if (message->header.request != number_) {
                    connection_.see(*message);
                    if (message->header.type != Type::kFailed) continue;
                }
                switch (message->header.type) {
                case Type::kNeed:
                    send_frames(wire::Need::parse(message->payload));
                    heard = Clock::now(); // it may have said much while nobody listened
                    break;
                case Type::kProgress:
                    tell(progress, wire::Progress::parse(message->payload));
                    break;
                case Type::kDone:
                    return wire::Done::parse(message->payload);
                case Type::kFailed:
                    fail(message->header.request, wire::Failed::parse(message->payload));
                    break;
                case Type::kPong:
                    break;
                default:
                    throw BridgeError(Problem::kProtocol, "the worker answers RENDER with something else",
                                      "install plugin and worker from one release");
                }
            } else if (now - heard > limits_.silence) {
                throw WorkerGone{"the worker has not answered for " +
                                     std::to_string(limits_.silence.count() / 1000.0).substr(0, 4) + " s",
                                 true};
            }
            if (now >= ping) {
                connection_.channel.send(Type::kPing, number_, {}, -1, now + limits_.silence, watch_);
                ping = now + limits_.heartbeat;
            }
        }
    }

    void send_frames(const wire::Need& need) {
        const Stopwatch time(result_.write_us);
        for (const uint16_t index : need.indices) {
            if (index >= request_.frames.size() || ++sent_ > 4 * request_.frames.size())
                throw BridgeError(Problem::kProtocol,
                                  "the worker asks for frames that the request does not have",
                                  "install plugin and worker from one release");
            wire::Digest digest;
            const uint64_t offset = share(index, digest);
            if (digest != message_.frames[index].digest) throw OtherPixels{request_.frames[index].number};
            send(Type::kFrames, wire::Frames{{{index, offset}}}.pack(),
                 -1); // the worker takes it over meanwhile
            ++result_.frames_sent;
        }
    }

    static void tell(const Progress& progress, const wire::Progress& said) {
        if (progress) progress(std::min<double>(said.permille, 1000) / 1000.0, said.text);
    }

    void fail(uint64_t number, const wire::Failed& failed) {
        if (number != number_ && !failed.closing) return; // an abandoned request's
        asked_ = asked_ && number != number_;
        watch_.check(); // an answer to the deadline that it was told
        if (failed.code == 130) throw WorkerGone{"the worker is ending: " + failed.message};
        if (failed.closing) connection_.channel.give_up();
        throw BridgeError(Problem::kWorker, failed.message, failed.hint, failed.code);
    }

    Connection& connection_;
    const Request& request_;
    wire::Render& message_;
    Content& content_;
    const Limits& limits_;
    const Watch& watch_;
    Result& result_;
    const uint64_t number_;
    static constexpr size_t kMostLent = 16; // a connection with more abandoned requests is closed
    std::unique_ptr<SharedMemory> memory_;  // the result, then the frames that the worker lacked
    uint64_t end_ = 0;                      // of what is used of it
    size_t sent_ = 0;
    bool asked_ = false; // the worker may write to the output memory
};

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
        const Bounds window = request.window.empty() ? request.picture.bounds : request.window;
        Result result;
        wire::Render message;
        Content content;
        const auto look = [&] {
            const Stopwatch time(result.hash_us);
            message = make_message(request, window);
            content = recall_frames(request, message, watch);
        };
        look();
        bool looked_again = false;
        for (;;) {
            const auto borrow = [&] {
                const Stopwatch time(result.connect_us);
                return pool_->borrow(options_, watch);
            };
            Pool::Lease lease = borrow();
            Process& worker = lease->channel.peer();
            result.worker = worker.pid();
            result.frames_sent = 0;
            Exchange exchange(*lease, request, message, content, options_.limits, watch, result);
            try {
                take_over(result, exchange.run(window, progress));
                note_frames(content, message);
                lease.keep();
                return result;
            } catch (const WorkerGone& gone) {
                if (gone.silent) put_away(worker, watch);
                if (result.restarted)
                    throw BridgeError(Problem::kLost, gone.what + ", again after it was started anew",
                                      "try a lower resolution or another flow; see " + log());
                result.restarted = true;
            } catch (const OtherPixels& other) {
                if (exchange.abandon()) lease.keep();
                if (looked_again)
                    refuse("the pixels of frame " + std::to_string(other.number) +
                           " change while they are read");
                looked_again = true;
                Recall::instance().distrust(); // from now on pixels count, not what the host calls them
                look();
            } catch (const BridgeError& error) {
                const bool sound = error.problem() == Problem::kCancelled ||
                                   error.problem() == Problem::kDeadline ||
                                   error.problem() == Problem::kWorker;
                if (sound && exchange.abandon()) lease.keep();
                throw;
            }
        }
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
            if (!message || message->header.type != Type::kStatusReply || message->header.request != number)
                continue;
            lease.keep();
            return std::string(message->payload.begin(), message->payload.end());
        }
        throw WorkerGone{"the worker does not answer", true};
    });
}

std::string Client::status(bool start) const { return ask(Type::kStatus, start); }
void Client::stop_worker() const { ask(Type::kStop, false); }
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

// What is said and heard between RENDER and DONE?
#include "bridge/exchange.h"

#include <algorithm>

#include "bridge/frame_copy.h"
#include "bridge/request_message.h"
#include "bridge/stopwatch.h"

namespace retempo::bridge {
namespace {

using wire::Type;

constexpr size_t kMostLent = 16; // a connection with more abandoned requests is closed

} // namespace

Exchange::Exchange(Connection& connection, const Request& request, wire::Render& message, Content& content,
                   const Limits& limits, const Watch& watch, Result& result)
    : connection_(connection), request_(request), message_(message), content_(content), limits_(limits),
      watch_(watch), result_(result), number_(connection.next_request++) {}

std::optional<wire::Done> Exchange::run(const Bounds& window, const Progress& progress) {
    end_ = wire_bytes(request_.picture.channels(), window);
    memory_ = connection_.take_memory(end_);
    ask();
    if (!check()) return std::nullopt;
    wire::Done done = wait(progress);
    asked_ = false;
    deliver(window);
    return done;
}

bool Exchange::abandon() {
    if (!asked_) {
        if (memory_) connection_.spare.push_back(std::move(memory_));
        return !connection_.channel.broken();
    }
    connection_.lent.emplace(number_, std::move(memory_));
    return connection_.lent.size() < kMostLent && connection_.channel.try_send(Type::kCancel, number_);
}

void Exchange::ask() {
    wire::Render message = message_;
    share_new_frames(message);
    const auto left = std::chrono::ceil<Milliseconds>(watch_.deadline() - Clock::now()).count();
    message.deadline_ms = static_cast<uint32_t>(std::max<int64_t>(left, 1));
    asked_ = true;
    send(Type::kRender, message.pack(), static_cast<int>(memory_->handle()));
}

// Frames never seen here go along with RENDER, hashed by the same pass: no question, no second look.
void Exchange::share_new_frames(wire::Render& message) {
    const Stopwatch time(result_.hash_us);
    for (size_t i = 0; i < message.frames.size(); ++i) {
        if (content_.known[i] != Known::kNothing) continue;
        wire::FrameEntry& entry = message.frames[i];
        entry.offset = share(i, entry.digest);
        entry.eager = true;
        message_.frames[i].digest = entry.digest;
        content_.known[i] = Known::kSurely;
        ++result_.frames_sent;
    }
}

// Behind what is in the memory already; gives where that is.
uint64_t Exchange::share(size_t index, wire::Digest& digest) {
    const Picture picture = picture_of(request_.frames[index]);
    const uint64_t offset = (end_ + 4095) / 4096 * 4096;
    end_ = offset + wire_bytes(picture.channels(), picture.bounds);
    memory_->grow(end_);
    digest = share_picture(picture, message_.frames[index].window, *memory_, offset, watch_);
    return offset;
}

void Exchange::send(Type type, const wire::Bytes& payload, int fd) {
    connection_.channel.send(type, number_, payload, fd, Clock::now() + limits_.silence, watch_);
}

bool Exchange::check() {
    const Stopwatch time(result_.hash_us);
    return check_guesses(request_, message_, content_, watch_);
}

wire::Done Exchange::wait(const Progress& progress) {
    const int64_t written = result_.write_us;
    const Stopwatch time(result_.wait_us);
    Clock::time_point heard = Clock::now(), ping = heard + limits_.heartbeat;
    for (;;) {
        watch_.check();
        const std::optional<Message> message = connection_.channel.receive(ping, watch_);
        if (message) {
            if (std::optional<wire::Done> done = take(*message, progress)) {
                result_.wait_us -= result_.write_us - written;
                return *done;
            }
            heard = Clock::now(); // it may have said much while frames were sent and nobody listened
        } else if (Clock::now() - heard > limits_.silence) {
            throw WorkerGone{"the worker has not answered for " +
                                 std::to_string(limits_.silence.count() / 1000.0).substr(0, 4) + " s",
                             true};
        }
        if (const Clock::time_point now = Clock::now(); now >= ping) {
            connection_.channel.send(Type::kPing, number_, {}, -1, now + limits_.silence, watch_);
            ping = now + limits_.heartbeat;
        }
    }
}

// What the worker says; the answer, if that is it.
std::optional<wire::Done> Exchange::take(const Message& message, const Progress& progress) {
    if (message.header.request != number_) {
        connection_.see(message);
        if (message.header.type != Type::kFailed) return std::nullopt;
    }
    switch (message.header.type) {
    case Type::kNeed:
        send_frames(wire::Need::parse(message.payload));
        break;
    case Type::kProgress:
        if (const wire::Progress said = wire::Progress::parse(message.payload); progress)
            progress(std::min<double>(said.permille, 1000) / 1000.0, said.text);
        break;
    case Type::kDone:
        return wire::Done::parse(message.payload);
    case Type::kFailed:
        fail(message.header.request, wire::Failed::parse(message.payload));
        break;
    case Type::kPong:
        break;
    default:
        throw BridgeError(Problem::kProtocol, "the worker answers RENDER with something else",
                          "install plugin and worker from one release");
    }
    return std::nullopt;
}

void Exchange::send_frames(const wire::Need& need) {
    const Stopwatch time(result_.write_us);
    for (const uint16_t index : need.indices) {
        if (index >= request_.frames.size() || ++sent_ > 4 * request_.frames.size())
            throw BridgeError(Problem::kProtocol, "the worker asks for frames that the request does not have",
                              "install plugin and worker from one release");
        wire::Digest digest;
        const uint64_t offset = share(index, digest);
        if (digest != message_.frames[index].digest) throw OtherPixels{request_.frames[index].number};
        send(Type::kFrames, wire::Frames{{{index, offset}}}.pack(), -1); // it is taken over meanwhile
        ++result_.frames_sent;
    }
}

void Exchange::fail(uint64_t number, const wire::Failed& failed) {
    if (number != number_ && !failed.closing) return; // an abandoned request's
    asked_ = asked_ && number != number_;
    watch_.check(); // an answer to the deadline that it was told
    if (failed.code == 130) throw WorkerGone{"the worker is ending: " + failed.message};
    if (failed.closing) connection_.channel.give_up();
    throw BridgeError(Problem::kWorker, failed.message, failed.hint, failed.code);
}

void Exchange::deliver(const Bounds& window) {
    const Stopwatch time(result_.deliver_us);
    deliver_picture(*memory_, target_of(request_), window, watch_);
    memory_->settle(end_);
    connection_.spare.push_back(std::move(memory_));
}

} // namespace retempo::bridge

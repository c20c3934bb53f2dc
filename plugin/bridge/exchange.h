// How does one request go over one connection? From RENDER, with new frames along, to the delivered result.
//
// What is only guessed of the frames is sent as if it were known, and looked at while the worker is at work:
// a result counts when all pixels have said so.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "bridge/client.h"
#include "bridge/connection.h"
#include "bridge/content.h"

namespace retempo::bridge {

// A frame had an identity that stood for other pixels, or changes while it is read.
struct OtherPixels {
    int64_t number;
};

class Exchange {
  public:
    // message, content: digests are filled in as they come to be known.
    Exchange(Connection& connection, const Request& request, wire::Render& message, Content& content,
             const Limits& limits, const Watch& watch, Result& result);

    // The worker's answer, once the result is in the request's picture; nothing if a guess was wrong: then
    // the message has the right digests now. Throws WorkerGone, OtherPixels, BridgeError.
    std::optional<wire::Done> run(const Bounds& window, const Progress& progress);

    // The result is not wanted any more; the connection may be used for other requests if this gives true.
    bool abandon();

  private:
    void ask();
    void share_new_frames(wire::Render& message);
    uint64_t share(size_t index, wire::Digest& digest);
    void send(wire::Type type, const wire::Bytes& payload, int fd);
    bool check();
    wire::Done wait(const Progress& progress);
    std::optional<wire::Done> take(const Message& message, const Progress& progress);
    void send_frames(const wire::Need& need);
    void fail(uint64_t number, const wire::Failed& failed);
    void deliver(const Bounds& window);

    Connection& connection_;
    const Request& request_;
    wire::Render& message_;
    Content& content_;
    const Limits& limits_;
    const Watch& watch_;
    Result& result_;
    const uint64_t number_;
    std::unique_ptr<SharedMemory> memory_; // the result, then the frames that the worker lacked
    uint64_t end_ = 0;                     // of what is used of it
    size_t sent_ = 0;
    bool asked_ = false; // the worker may write to the output memory
};

} // namespace retempo::bridge

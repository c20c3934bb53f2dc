// How do whole messages go over the socket, without ever waiting longer than somebody wants them?
//
// The socket does not block; every wait looks at the caller's Watch. A channel is used by one thread at a
// time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "bridge/descriptor.h"
#include "bridge/process.h"
#include "bridge/watch.h"
#include "bridge/wire.h"

namespace retempo::bridge {

// The other side is gone (ended, or closed the connection). Never leaves the bridge.
struct WorkerGone {
    std::string what;
    bool silent = false; // it lives but does not answer
};

struct Message {
    wire::Header header;
    wire::Bytes payload;
};

class Channel {
  public:
    // Nothing when no worker listens there. Throws BridgeError (kUnsafe) when the process behind the socket
    // is not `uid`'s; WorkerGone when the connection breaks.
    static std::optional<Channel> connect(const std::string& path, uint32_t uid, const Watch& watch);

    // Header and payload in one piece, `fd` (or -1) with its first byte. Throws WorkerGone; BridgeError of
    // the watch (after which the connection is of no use if part of the message was sent: see broken());
    // kProtocol. A worker that has taken nothing in until `until` is WorkerGone, silent.
    void send(wire::Type type, uint64_t request, const wire::Bytes& payload, int fd, Clock::time_point until,
              const Watch& watch);
    // The same, once, without waiting. False when it did not go.
    bool try_send(wire::Type type, uint64_t request);

    // The next whole message, or nothing when `until` has come or it is time to look at the watch again.
    // Throws WorkerGone, BridgeError (kProtocol, kVersion).
    std::optional<Message> receive(Clock::time_point until, const Watch& watch);

    // Takes in what has come without waiting and hands it out; false when the other side is gone or talks
    // nonsense.
    bool drain(const std::function<void(const Message&)>& see);

    bool broken() const { return broken_; }
    void give_up() { broken_ = true; } // the other side is about to close it
    Process& peer() { return peer_; }

  private:
    explicit Channel(Descriptor socket) : socket_(std::move(socket)) {}
    void fill();
    std::optional<Message> take();

    Descriptor socket_;
    Process peer_;
    std::vector<uint8_t> buffer_;
    size_t used_ = 0; // bytes of buffer_ that were taken
    bool broken_ = false;
};

} // namespace retempo::bridge

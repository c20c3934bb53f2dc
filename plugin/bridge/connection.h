// How does a request find a worker that answers: one that runs, or a new one, but never two?
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bridge/channel.h"
#include "bridge/runtime_directory.h"
#include "bridge/shared_memory.h"
#include "bridge/watch.h"
#include "bridge/wire.h"

namespace retempo::bridge {

struct Limits {
    Milliseconds connect{5000};   // until a running worker has answered HELLO
    Milliseconds start{20000};    // the same for one that has to be started
    Milliseconds heartbeat{1000}; // between two PINGs while waiting
    Milliseconds silence{5000};   // after which a worker that says nothing is taken for dead
    Milliseconds render{120000};  // a whole call of render; $RETEMPO_RENDER_DEADLINE (seconds) rules over it
    Milliseconds retry{3000};     // after a failed start: for so long, calls fail at once
};

struct Options {
    std::string host_name = "unknown host"; // for the worker's log
    std::vector<std::string> launcher;      // command of the bundle that starts the worker; may be empty
    std::string runtime_directory;          // empty: as ../PROTOCOL.md says
    wire::Digest parameter_table{};         // the plugin's; compared with the worker's unless all bytes are 0
    int64_t expected_uid = -1;              // of the worker; -1: this process's (another is for tests)
    Limits limits;
};

// One connection that has been welcomed. Used by one thread at a time.
struct Connection {
    Connection(Channel opened, wire::Welcome said);
    // Is it this process's own, and is the worker still there?
    bool usable();
    // A spare object of at least `bytes`, or a new one. Throws BridgeError (kMemory).
    std::unique_ptr<SharedMemory> take_memory(uint64_t bytes);
    // An answer to some other request than the present one.
    void see(const Message& message);
    uint64_t kept_bytes() const;

    Channel channel;
    wire::Welcome welcome;
    uint64_t next_request = 2; // 1 was HELLO
    // Objects that the worker does not touch now; requests take turns with them.
    std::vector<std::unique_ptr<SharedMemory>> spare;
    // Those of requests that were abandoned: the worker may write to them until it has answered.
    std::map<uint64_t, std::unique_ptr<SharedMemory>> lent;
    Clock::time_point last_used = Clock::now();
    int64_t owner; // a forked copy of the host must not use what its parent opened
};

// What calls of this process know of each other's attempts to start a worker.
class Starts {
  public:
    struct Started {
        Process process;
        Clock::time_point when;
    };

    // The last failure, so that of eight threads one waits for a worker that cannot start, not one after
    // another.
    void note_failure(const BridgeError& error);
    // Throws the last failure if it came after `since`.
    void check(Clock::time_point since) const;

    // A worker that a call started and, aborted, could not wait for: the next call waits for that one. Taken
    // with the start lock held; nothing when there is none or it has ended.
    std::optional<Started> take_waiting();
    void leave_waiting(Started started);
    void forget_waiting();

  private:
    mutable std::mutex mutex_;
    std::optional<BridgeError> failure_;
    Clock::time_point failed_{};
    std::optional<Started> waiting_;
};

// A connection to a running worker, or to one that is started now. Throws BridgeError.
std::unique_ptr<Connection> open_connection(const Options& options, const RuntimeDirectory& directory,
                                            Starts& starts, const Watch& watch);

// A connection to a running worker, or nothing. A worker that does not answer is ended.
std::unique_ptr<Connection> find_worker(const Options& options, const RuntimeDirectory& directory,
                                        const Watch& watch);

// Ends a worker that has fallen silent and waits, not for long, until it is gone.
void put_away(Process& process, const Watch& watch);

} // namespace retempo::bridge

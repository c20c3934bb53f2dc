// Which connections does this process have, and when are they closed?
//
// A request borrows a connection for itself; threads that render at once have one each. Nothing runs in the
// background: a process that does not render has idle sockets, no threads. Connections belong to the process,
// not to a client (some hosts make an instance a frame), and are closed by `shutdown` or after a minute
// unused.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bridge/connection.h"

namespace retempo::bridge {

class Pool : public std::enable_shared_from_this<Pool> {
  public:
    explicit Pool(RuntimeDirectory where) : directory(std::move(where)) {}

    // A borrowed connection; closed at the end unless `keep` was called.
    class Lease {
      public:
        Lease(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection)
            : pool_(std::move(pool)), connection_(std::move(connection)) {}
        Lease(Lease&&) noexcept = default;

        Connection* operator->() const { return connection_.get(); }
        Connection& operator*() const { return *connection_; }
        void keep();

      private:
        std::shared_ptr<Pool> pool_;
        std::unique_ptr<Connection> connection_;
    };

    // Throws BridgeError.
    Lease borrow(const Options& options, const Watch& watch);
    void close(); // idle connections now, borrowed ones when they come back
    size_t idle() const;

    const RuntimeDirectory directory;

  private:
    void put_back(std::unique_ptr<Connection> connection);

    static constexpr size_t kMostIdle = 8;
    static constexpr uint64_t kMostKeptMemory = uint64_t{1} << 30; // of all idle connections
    static constexpr Milliseconds kIdle{60000};

    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<Connection>> idle_; // the most recently used last
    Starts starts_;
    bool closed_ = false;
};

// The only state of the process: its pools by runtime directory.
class Registry {
  public:
    static Registry& instance();
    std::shared_ptr<Pool> pool(const RuntimeDirectory& directory);
    void close();

  private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<Pool>> pools_;
};

} // namespace retempo::bridge

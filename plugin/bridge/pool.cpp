// How is a connection borrowed? The last one used that still lives, else a new one.
#include "bridge/pool.h"

#include <algorithm>

namespace retempo::bridge {

void Pool::Lease::keep() {
    if (connection_) pool_->put_back(std::move(connection_));
}

Pool::Lease Pool::borrow(const Options& options, const Watch& watch) {
    for (;;) {
        std::unique_ptr<Connection> found;
        {
            const std::lock_guard<std::mutex> guard(mutex_);
            if (idle_.empty()) break;
            found = std::move(idle_.back());
            idle_.pop_back();
        }
        if (found->usable() && Clock::now() - found->last_used < kIdle)
            return Lease(shared_from_this(), std::move(found));
    }
    return Lease(shared_from_this(), open_connection(options, directory, starts_, watch));
}

void Pool::put_back(std::unique_ptr<Connection> connection) {
    connection->last_used = Clock::now();
    std::vector<std::unique_ptr<Connection>> old; // closed outside of the lock
    const std::lock_guard<std::mutex> guard(mutex_);
    if (closed_ || connection->channel.broken()) {
        old.push_back(std::move(connection));
        return;
    }
    const auto expired = std::find_if(idle_.begin(), idle_.end(),
                                      [](const auto& one) { return Clock::now() - one->last_used < kIdle; });
    std::move(idle_.begin(), expired, std::back_inserter(old));
    idle_.erase(idle_.begin(), expired);
    uint64_t kept = connection->kept_bytes();
    for (const auto& one : idle_) kept += one->kept_bytes();
    if (kept > kMostKeptMemory) connection->spare.clear();
    idle_.push_back(std::move(connection));
    if (idle_.size() > kMostIdle) {
        old.push_back(std::move(idle_.front()));
        idle_.erase(idle_.begin());
    }
}

void Pool::close() {
    std::vector<std::unique_ptr<Connection>> old;
    const std::lock_guard<std::mutex> guard(mutex_);
    closed_ = true;
    old.swap(idle_);
    starts_.forget_waiting();
}

size_t Pool::idle() const {
    const std::lock_guard<std::mutex> guard(mutex_);
    return idle_.size();
}

Registry& Registry::instance() {
    static Registry registry;
    return registry;
}

std::shared_ptr<Pool> Registry::pool(const RuntimeDirectory& directory) {
    const std::lock_guard<std::mutex> guard(mutex_);
    std::shared_ptr<Pool>& found = pools_[directory.path];
    if (!found) found = std::make_shared<Pool>(directory);
    return found;
}

void Registry::close() {
    std::map<std::string, std::shared_ptr<Pool>> old;
    {
        const std::lock_guard<std::mutex> guard(mutex_);
        old.swap(pools_);
    }
    for (auto& [path, pool] : old) pool->close();
}

} // namespace retempo::bridge

// Which frames has this process handed over lately? So that a frame is not hashed twice, or not sent for
// nothing.
//
// Two kinds of keys in one small table. An identity, the host's own word for a frame's content: its digest is
// taken from here and the pixels are not looked at. A sample of the pixels: only a guess at whether the
// worker has the frame; a wrong guess costs a copy, no more.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "bridge/client.h"
#include "bridge/wire.h"

namespace retempo::bridge {

class Recall {
  public:
    static Recall& instance(); // the process's; thread-safe

    // What was noted for a key, unless 1024 others have been asked for or noted since.
    std::optional<wire::Digest> find(const std::string& key);
    void note(const std::string& key, const wire::Digest& digest);
    void clear();

  private:
    static constexpr size_t kMost = 1024;
    using Entries = std::list<std::pair<std::string, wire::Digest>>;

    std::mutex mutex_;
    Entries entries_; // the most recently used first
    std::unordered_map<std::string, Entries::iterator> places_;
};

// Empty without an identity. Depth, alpha, place and row order are part of the key.
std::string identity_key(const std::string& identity, const Picture& picture, const wire::Window& window);
// A hundred pieces of 512 bytes of the host's own pixels, hashed.
std::string sample_key(const Picture& picture, const wire::Window& window);

} // namespace retempo::bridge

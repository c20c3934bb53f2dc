// Which frames has this process handed over lately? So that a frame is not hashed twice, or not sent for
// nothing.
//
// Two kinds of keys in one small table. A sample of the pixels: a guess at which frame it is, which is
// checked by all pixels before a result counts; a wrong one costs time, no more. An identity, the host's own
// word for a frame's content, together with the sample: its digest is taken from here and the other pixels
// are not looked at. The sample is there for hosts that call everything by one name; where the worker finds
// out that a name stood for other pixels, no name is believed in this process any more. A key that has stood
// for two pictures says no longer which one it is.
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

    struct Noted {
        wire::Digest digest; // the one that was noted last
        bool certain = true; // no other ever was
    };
    // What was noted for a key, unless 1024 others have been asked for or noted since.
    std::optional<Noted> find(const std::string& key);
    void note(const std::string& key, const wire::Digest& digest);
    void clear();
    // Forgets all; identities are not noted any more.
    void distrust();

  private:
    static constexpr size_t kMost = 1024;
    using Entries = std::list<std::pair<std::string, Noted>>;

    std::mutex mutex_;
    bool trusting_ = true;
    Entries entries_; // the most recently used first
    std::unordered_map<std::string, Entries::iterator> places_;
};

// A hundred pieces of 512 bytes of the host's own pixels, hashed. Depth, alpha, place and row order are part
// of it.
std::string sample_key(const Picture& picture, const wire::Window& window);
// Empty without an identity.
std::string identity_key(const std::string& identity, const std::string& sample);

} // namespace retempo::bridge

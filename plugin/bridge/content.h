// What is known of a request's frames before anything is sent, and what when it is answered?
#pragma once

#include <string>
#include <vector>

#include "bridge/client.h"
#include "bridge/watch.h"
#include "bridge/wire.h"

namespace retempo::bridge {

// Of the digest of a frame in the message.
enum class Known {
    kNothing, // never seen here: it goes along, hashed by the pass that copies it
    kGuess,   // that of a frame with the same sample: hashed while the worker is at work
    kSurely,  // hashed, or the host's word for it
};

struct Content {
    std::vector<std::string> identities, samples; // keys of Recall
    std::vector<Known> known;
};

// Looks up the frames and fills in the message's digests. Throws BridgeError of the watch.
Content recall_frames(const Request& request, wire::Render& message, const Watch& watch);

// Hashes what was guessed; all digests are right afterwards. False: some guess was wrong. Throws BridgeError
// of the watch.
bool check_guesses(const Request& request, wire::Render& message, Content& content, const Watch& watch);

// For the next request with the same frames: these are their digests, and the worker may have them.
void note_frames(const Content& content, const wire::Render& message);

} // namespace retempo::bridge

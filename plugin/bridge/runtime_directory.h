// Where do plugin and worker meet, and can nobody else have put anything there?
#pragma once

#include <optional>
#include <string>

#include "bridge/descriptor.h"
#include "bridge/wire.h"

namespace retempo::bridge {

struct RuntimeDirectory {
    std::string path;

    std::string socket() const { return path + "/bridge-v2.sock"; }
    std::string start_lock() const { return path + "/bridge-v2.start"; }
    std::string lock() const { return path + "/bridge-v2.lock"; }   // held by the worker
    std::string token() const { return path + "/bridge-v2.token"; } // what both sides have to know
    std::string log() const { return path + "/server.log"; }
    std::string start_log() const { return path + "/start.log"; } // standard error of a worker being started
};

// `chosen` if given, else $RETEMPO_RUNTIME_DIR, $XDG_RUNTIME_DIR/retempo, /tmp/retempo-<uid>.
RuntimeDirectory find_runtime_directory(const std::string& chosen = "");

// Makes it (mode 0700) where it is missing. Throws BridgeError (kUnsafe) unless it is a directory, no link,
// of this user, without any permission for others, not where anybody may rename it, with a path that fits a
// socket address.
void check_runtime_directory(const RuntimeDirectory& directory);

// What a client says, and what the worker says: the halves of the token file.
struct Tokens {
    wire::Token client{}, worker{};
};

// Nothing where there is no file. Throws BridgeError (kUnsafe) unless it is a file of this user, without any
// permission for others, of 64 bytes.
std::optional<Tokens> read_tokens(const RuntimeDirectory& directory);

// The right to start a worker; held by one process (and one of its threads) at a time. Nothing when another
// has it.
std::optional<Descriptor> take_start_lock(const RuntimeDirectory& directory);

} // namespace retempo::bridge

// Does the client survive whatever a worker sends, in whatever pieces? A real socket, and a channel at its
// other end.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bridge/channel.h"
#include "bridge/error.h"

namespace {

using namespace retempo::bridge;

void require(bool holds, const char* what) {
    if (holds) return;
    std::perror(what);
    std::abort();
}

// Where the one listener of this process is.
struct Place {
    std::string folder, path;
    int listener = -1;

    Place() {
        const char* place = std::getenv("TMPDIR");
        folder = std::string(place != nullptr ? place : "/tmp") + "/retempo-fuzz-XXXXXX";
        require(mkdtemp(folder.data()) != nullptr, "no folder");
        path = folder + "/socket";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        require(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
        require(listen(listener, 8) == 0, "listen");
    }
    ~Place() {
        unlink(path.c_str());
        rmdir(folder.c_str());
    }
};

} // namespace

// The first byte says how long the pieces are.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Place place;
    if (size == 0) return 0;
    const Abort nobody;
    const Watch watch(nobody, Clock::now() + Milliseconds{5000});
    std::optional<Channel> channel = Channel::connect(place.path, getuid(), watch);
    require(channel.has_value(), "connect");
    const int worker = accept(place.listener, nullptr, nullptr);
    require(worker >= 0, "accept");
    const size_t piece = 1 + size_t{data[0]} * 16;
    size_t seen = 0;
    for (size_t at = 1; at < size; at += piece) {
        const size_t count = size - at < piece ? size - at : piece;
        require(write(worker, data + at, count) == static_cast<ssize_t>(count), "write");
        const bool sound = channel->drain([&](const Message& message) {
            seen += wire::kHeaderBytes + message.payload.size();
            require(message.payload.size() == message.header.length, "a payload of another length");
        });
        if (!sound) break;
    }
    require(seen < size, "more came out than went in");
    close(worker);
    require(!channel->drain([](const Message&) {}), "the end is not seen");
    return 0;
}

// How does a message cross a Unix socket? sendmsg with SCM_RIGHTS there, recv into a buffer here.
//
// Linux is tested; macOS (LOCAL_PEERCRED, SO_NOSIGPIPE) is written and untested.
#include "bridge/channel.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#if defined(__APPLE__)
#include <sys/ucred.h>
#endif

namespace retempo::bridge {
namespace {

#if defined(MSG_NOSIGNAL)
constexpr int kNoSignal = MSG_NOSIGNAL;
#else
constexpr int kNoSignal = 0; // SO_NOSIGPIPE is set
#endif

Descriptor open_socket() {
#if defined(__linux__)
    Descriptor made(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
#else
    Descriptor made(socket(AF_UNIX, SOCK_STREAM, 0));
    if (made) {
        fcntl(made.get(), F_SETFD, FD_CLOEXEC);
        fcntl(made.get(), F_SETFL, O_NONBLOCK);
        const int on = 1;
        setsockopt(made.get(), SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    }
#endif
    if (!made)
        throw BridgeError(Problem::kMemory, std::string("no socket: ") + std::strerror(errno),
                          "the host has too many files open: raise its limit (ulimit -n)", 4);
    return made;
}

struct Peer {
    int64_t pid = 0;
    uint32_t uid = 0;
};

bool find_peer(int fd, Peer& peer) {
#if defined(__linux__)
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return false;
    peer = {credentials.pid, credentials.uid};
#else
    uid_t uid = 0;
    gid_t gid = 0;
    if (getpeereid(fd, &uid, &gid) != 0) return false;
    peer.uid = uid;
#if defined(__APPLE__)
    pid_t pid = 0;
    socklen_t size = sizeof pid;
    if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, &pid, &size) == 0) peer.pid = pid;
#endif
#endif
    return true;
}

void wait_for(int fd, short events, int nap) {
    pollfd ready{fd, events, 0};
    poll(&ready, 1, nap);
}

} // namespace

std::optional<Channel> Channel::connect(const std::string& path, uint32_t uid, const Watch& watch) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return std::nullopt; // refused before: check_runtime_directory
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    for (;;) {
        Descriptor socket = open_socket();
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
            Peer peer;
            if (!find_peer(socket.get(), peer)) return std::nullopt;
            if (peer.uid != uid)
                throw BridgeError(Problem::kUnsafe,
                                  "the process behind " + path + " is not yours: it runs as user " +
                                      std::to_string(peer.uid) + ", not " + std::to_string(uid),
                                  "set RETEMPO_RUNTIME_DIR to a folder of your own", 4);
            Channel channel(std::move(socket));
            channel.peer_ = Process::watch(peer.pid);
            return channel;
        }
        if (errno == EINTR) continue;
        if (errno == ENOENT || errno == ECONNREFUSED) return std::nullopt;
        if (errno != EAGAIN) // EAGAIN: the worker has more callers than it can take in just now
            throw BridgeError(Problem::kUnsafe, path + " cannot be used: " + std::strerror(errno),
                              "remove it, or set RETEMPO_RUNTIME_DIR", 4);
        watch.check();
        wait_for(-1, 0, watch.nap(Clock::now() + Milliseconds{10}));
    }
}

void Channel::send(wire::Type type, uint64_t request, const wire::Bytes& payload, int fd,
                   Clock::time_point until, const Watch& watch) {
    wire::Header header;
    header.type = type;
    header.request = request;
    header.length = static_cast<uint32_t>(payload.size());
    header.fds = fd >= 0 ? 1 : 0;
    std::vector<uint8_t> data(wire::kHeaderBytes + payload.size());
    header.pack(data.data());
    if (!payload.empty()) std::memcpy(data.data() + wire::kHeaderBytes, payload.data(), payload.size());
    size_t sent = 0;
    while (sent < data.size()) {
        iovec part{data.data() + sent, data.size() - sent};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        if (sent == 0 && fd >= 0) {
            message.msg_control = control;
            message.msg_controllen = sizeof control;
            cmsghdr* rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof(int));
            std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
        }
        const ssize_t count = sendmsg(socket_.get(), &message, kNoSignal);
        if (count > 0) {
            sent += static_cast<size_t>(count);
            broken_ = sent < data.size(); // until the rest has gone too
            continue;
        }
        const int reason = errno;
        if (reason == EINTR) continue;
        if (reason == EAGAIN || reason == EWOULDBLOCK || reason == ETOOMANYREFS) {
            if (Clock::now() >= until) {
                broken_ = broken_ || sent > 0;
                throw WorkerGone{"the worker does not take in what it is sent", true};
            }
            watch.check();
            wait_for(socket_.get(), reason == ETOOMANYREFS ? 0 : POLLOUT, watch.nap(until));
            continue;
        }
        broken_ = true;
        throw WorkerGone{std::string("the connection to the worker broke: ") + std::strerror(reason)};
    }
}

bool Channel::try_send(wire::Type type, uint64_t request) {
    if (broken_) return false;
    wire::Header header;
    header.type = type;
    header.request = request;
    uint8_t data[wire::kHeaderBytes];
    header.pack(data);
    const ssize_t count = ::send(socket_.get(), data, sizeof data, kNoSignal);
    if (count > 0 && count < static_cast<ssize_t>(sizeof data)) broken_ = true;
    return count == static_cast<ssize_t>(sizeof data);
}

// One recv. Descriptors that a worker might send, which it never does, are closed by the kernel.
void Channel::fill() {
    if (used_ > 0) {
        buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(used_));
        used_ = 0;
    }
    uint8_t chunk[16384];
    for (;;) {
        const ssize_t count = recv(socket_.get(), chunk, sizeof chunk, 0);
        if (count > 0) {
            buffer_.insert(buffer_.end(), chunk, chunk + count);
            return;
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        broken_ = true;
        throw WorkerGone{count == 0
                             ? "the worker closed the connection"
                             : std::string("the connection to the worker broke: ") + std::strerror(errno)};
    }
}

std::optional<Message> Channel::take() {
    const size_t there = buffer_.size() - used_;
    if (there < wire::kHeaderBytes) return std::nullopt;
    Message message;
    try {
        message.header = wire::Header::parse(buffer_.data() + used_);
        if (message.header.fds != 0)
            throw BridgeError(Problem::kProtocol, "the worker announces a descriptor",
                              "install both from one release");
    } catch (const BridgeError&) {
        broken_ = true;
        throw;
    }
    const size_t whole = wire::kHeaderBytes + message.header.length;
    if (there < whole) return std::nullopt;
    const uint8_t* payload = buffer_.data() + used_ + wire::kHeaderBytes;
    message.payload.assign(payload, payload + message.header.length);
    used_ += whole;
    return message;
}

std::optional<Message> Channel::receive(Clock::time_point until, const Watch& watch) {
    if (std::optional<Message> message = take()) return message;
    wait_for(socket_.get(), POLLIN, watch.nap(until));
    fill();
    return take();
}

bool Channel::drain(const std::function<void(const Message&)>& see) {
    try {
        for (;;) {
            const size_t before = buffer_.size() - used_;
            fill();
            if (buffer_.size() - used_ == before) return !broken_;
            while (const std::optional<Message> message = take()) see(*message);
        }
    } catch (const WorkerGone&) { return false; } catch (const BridgeError&) {
        return false;
    }
}

} // namespace retempo::bridge

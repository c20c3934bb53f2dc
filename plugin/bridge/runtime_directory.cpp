// How is the directory found and checked? As ../PROTOCOL.md says ("Where they meet"), the same as the worker
// does.
#include "bridge/runtime_directory.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "bridge/error.h"

namespace retempo::bridge {
namespace {

constexpr size_t kLongestSocketPath = 107;

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

void make_parents(const std::string& path) {
    for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
        mkdir(path.substr(0, at).c_str(), 0777); // what cannot be made shows when the directory itself is
}

} // namespace

RuntimeDirectory find_runtime_directory(const std::string& chosen) {
    if (!chosen.empty()) return {chosen};
    if (std::string own = variable("RETEMPO_RUNTIME_DIR"); !own.empty()) return {own};
    if (std::string session = variable("XDG_RUNTIME_DIR"); !session.empty()) return {session + "/retempo"};
    return {"/tmp/retempo-" + std::to_string(getuid())};
}

void check_runtime_directory(const RuntimeDirectory& directory) {
    const std::string& path = directory.path;
    const auto refuse = [&](const std::string& why, const std::string& hint) {
        throw BridgeError(Problem::kUnsafe, path + " " + why, hint, 4);
    };
    if (directory.socket().size() > kLongestSocketPath)
        refuse("is too long a name for a socket", "set RETEMPO_RUNTIME_DIR to a shorter one");
    struct stat status{};
    if (lstat(path.c_str(), &status) != 0 && errno == ENOENT) {
        make_parents(path);
        mkdir(path.c_str(), 0700);
    }
    if (lstat(path.c_str(), &status) != 0)
        refuse(std::string("cannot be used: ") + std::strerror(errno),
               "set RETEMPO_RUNTIME_DIR to a folder that can be made");
    if (!S_ISDIR(status.st_mode)) refuse("is not a folder", "remove it, or set RETEMPO_RUNTIME_DIR");
    if (status.st_uid != getuid())
        refuse("belongs to user " + std::to_string(status.st_uid),
               "set RETEMPO_RUNTIME_DIR to a folder of your own");
    if ((status.st_mode & 077) != 0) refuse("is open to others", "run: chmod 700 " + path);
    if (stat((path + "/..").c_str(), &status) != 0 ||
        ((status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0))
        refuse("lies in a folder where anybody can put another in its place",
               "set RETEMPO_RUNTIME_DIR to a folder in one of your own");
}

std::optional<Tokens> read_tokens(const RuntimeDirectory& directory) {
    const std::string path = directory.token();
    const auto refuse = [&](const std::string& why) {
        throw BridgeError(Problem::kUnsafe, path + " " + why,
                          "end the worker and remove it, or set RETEMPO_RUNTIME_DIR", 4);
    };
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file && errno == ENOENT) return std::nullopt;
    if (!file) refuse(std::string("cannot be read: ") + std::strerror(errno));
    struct stat status{};
    if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != getuid() ||
        (status.st_mode & 077) != 0)
        refuse("is not a file for its user alone");
    uint8_t data[2 * std::tuple_size<wire::Token>::value + 1];
    ssize_t count = 0;
    do count = read(file.get(), data, sizeof data);
    while (count < 0 && errno == EINTR);
    if (count != static_cast<ssize_t>(sizeof data) - 1) refuse("holds no token");
    Tokens tokens;
    std::memcpy(tokens.client.data(), data, tokens.client.size());
    std::memcpy(tokens.worker.data(), data + tokens.client.size(), tokens.worker.size());
    return tokens;
}

std::optional<Descriptor> take_start_lock(const RuntimeDirectory& directory) {
    Descriptor lock(open(directory.start_lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock)
        throw BridgeError(Problem::kCannotStart,
                          directory.start_lock() + " cannot be made: " + std::strerror(errno),
                          "free some space, or set RETEMPO_RUNTIME_DIR to another folder", 4);
    if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
    return lock;
}

} // namespace retempo::bridge

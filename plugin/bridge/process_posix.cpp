// How does a worker start on Unix? fork, setsid, fork, exec; only system calls between fork and exec.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include "bridge/error.h"
#include "bridge/process.h"

namespace retempo::bridge {
namespace {

#if defined(MSG_NOSIGNAL)
constexpr int kNoSignal = MSG_NOSIGNAL;
#else
constexpr int kNoSignal = 0; // SO_NOSIGPIPE is set
#endif

// A second fork in a process that may have been cut out of the middle of a host: no handlers, no locks.
pid_t bare_fork() {
#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
    return static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
#else
    return fork();
#endif
}

// Everything from 3 on is closed by exec.
void close_others(int keep_open_until_exec) {
#if defined(__linux__)
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
    constexpr unsigned kCloseOnExec = 4; // CLOSE_RANGE_CLOEXEC
    if (syscall(SYS_close_range, 3u, ~0u, kCloseOnExec) == 0) return;
#endif
    long most = sysconf(_SC_OPEN_MAX);
    if (most < 0 || most > 65536) most = 65536;
    for (int fd = 3; fd < most; ++fd)
        if (fd != keep_open_until_exec) close(fd);
}

// Two ends of a line between us and the worker to be; sockets, because a write to a closed pipe would raise a
// signal in the host.
struct Line {
    Descriptor near, far;

    Line() {
        int ends[2];
#if defined(__linux__)
        const int failed = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
#else
        const int failed = socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
#endif
        if (failed != 0)
            throw BridgeError(Problem::kCannotStart,
                              std::string("no line to a new worker: ") + std::strerror(errno),
                              "close some files");
        near = Descriptor(ends[0]);
        far = Descriptor(ends[1]);
#if !defined(__linux__)
        const int on = 1;
        for (int end : ends) fcntl(end, F_SETFD, FD_CLOEXEC);
        setsockopt(ends[0], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    }
};

// Exactly `bytes`, or false at the end of the pipe or after `patience_ms`.
bool read_whole(int fd, void* out, size_t bytes, int patience_ms) {
    auto* at = static_cast<char*>(out);
    while (bytes > 0) {
        pollfd ready{fd, POLLIN, 0};
        const int count = poll(&ready, 1, patience_ms);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        const ssize_t got = read(fd, at, bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        bytes -= static_cast<size_t>(got);
    }
    return true;
}

// Absolute path of a program, looked up as execvp does; empty when there is none.
std::string find_program(const std::string& name) {
    const auto runs = [](const std::string& path) {
        struct stat status{};
        return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && access(path.c_str(), X_OK) == 0;
    };
    if (name.find('/') != std::string::npos) {
        if (!runs(name)) return "";
        if (name[0] == '/') return name;
        char* here = getcwd(nullptr, 0); // a relative path means the host's folder; the worker runs in /
        const std::string full = std::string(here != nullptr ? here : "") + "/" + name;
        std::free(here);
        return full;
    }
    const char* path = std::getenv("PATH");
    const std::string places = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
    for (size_t at = 0; at <= places.size();) {
        const size_t end = std::min(places.find(':', at), places.size());
        const std::string full = places.substr(at, end - at) + "/" + name;
        if (end > at && full[0] == '/' && runs(full)) return full;
        at = end + 1;
    }
    return "";
}

[[noreturn]] void become_worker(const char* program, char* const* words, char* const* environment,
                                const char* error_log, int line) {
    const auto own = static_cast<int32_t>(getpid());
    char unused;
    if (line < 3) line = fcntl(line, F_DUPFD, 3); // the host had closed its standard descriptors
    if (write(line, &own, sizeof own) != sizeof own) _exit(127);
    while (read(line, &unused, 1) < 0 && errno == EINTR) {}
    const int nothing = open("/dev/null", O_RDWR);
    int errors = open(error_log, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (errors < 0) errors = nothing;
    dup2(nothing, 0);
    dup2(nothing, 1);
    dup2(errors, 2);
    struct sigaction plain{};
    plain.sa_handler = SIG_DFL;
    for (int number = 1; number < 32; ++number) sigaction(number, &plain, nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (chdir("/") != 0) _exit(127);
    close_others(line);
    execve(program, words, environment);
    const auto reason = static_cast<int32_t>(errno);
    if (write(line, &reason, sizeof reason) < 0) _exit(126);
    _exit(127);
}

[[noreturn]] void refuse(const std::string& what) {
    throw BridgeError(
        Problem::kCannotStart, what,
        "install retempo (pip install retempo), set RETEMPO_PYTHON to a Python that has it, or run: "
        "retempo plugin doctor");
}

} // namespace

Process Process::watch(int64_t pid) {
    Process process;
    process.pid_ = pid;
#if defined(__linux__)
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
    if (pid > 0) process.pidfd_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
#endif
    return process;
}

Process Process::start(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                       const std::string& error_log) {
    if (command.empty()) refuse("there is no command that starts the worker");
    const std::string program = find_program(command[0]);
    if (program.empty()) refuse("the worker cannot be started: no program " + command[0]);
    std::vector<char*> words, variables;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    for (const std::string& entry : environment) variables.push_back(const_cast<char*>(entry.c_str()));
    words[0] = const_cast<char*>(program.c_str());
    words.push_back(nullptr);
    variables.push_back(nullptr);

    Line line;
    const pid_t child = fork();
    if (child < 0) refuse(std::string("the worker cannot be started: ") + std::strerror(errno));
    if (child == 0) {
        setsid();
        const pid_t grandchild = bare_fork();
        if (grandchild == 0)
            become_worker(program.c_str(), words.data(), variables.data(), error_log.c_str(), line.far.get());
        _exit(grandchild < 0 ? 1 : 0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) { // ECHILD: the host reaps everybody's children
    }
    line.far.reset();
    int32_t pid = 0, reason = 0;
    constexpr int kPatience = 5000;
    if (!read_whole(line.near.get(), &pid, sizeof pid, kPatience))
        refuse("the worker cannot be started: no fork");
    Process process = watch(pid); // it waits: the pid is certainly its own
    const char begin = 1;
    if (send(line.near.get(), &begin, 1, kNoSignal) != 1)
        refuse("the worker cannot be started: it ended at once");
    if (read_whole(line.near.get(), &reason, sizeof reason, kPatience)) // nothing comes when exec succeeds
        refuse("the worker cannot be started: " + program + ": " + std::strerror(reason));
    return process;
}

bool Process::running() const {
    if (pid_ <= 0) return false;
    if (pidfd_) {
        pollfd ready{pidfd_.get(), POLLIN, 0};
        return poll(&ready, 1, 0) == 0;
    }
    return ::kill(static_cast<pid_t>(pid_), 0) == 0 || errno == EPERM;
}

bool Process::kill(int patience_ms) {
    if (pid_ <= 1) return true;
#if defined(__linux__)
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
    if (pidfd_)
        syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    else
#endif
        ::kill(static_cast<pid_t>(pid_), SIGKILL);
    for (int waited = 0; running(); waited += 10) {
        if (waited >= patience_ms) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

} // namespace retempo::bridge

// How is a worker found or started? Connect; where nobody listens, take the start lock, connect again, start.
#include "bridge/connection.h"

#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <thread>
#include <utility>

namespace retempo::bridge {
namespace {

void sleep_a_little(const Watch& watch, int milliseconds) {
    watch.check();
    std::this_thread::sleep_for(Milliseconds{watch.nap(Clock::now() + Milliseconds{milliseconds})});
}

// What a worker that failed to start has said last.
std::string last_line(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return "";
    constexpr std::streamoff kTail = 4096;
    file.seekg(0, std::ios::end);
    const std::streamoff size = file.tellg();
    file.seekg(size > kTail ? size - kTail : 0);
    std::string line, last;
    while (std::getline(file, line))
        if (line.find_first_not_of(" \t\r") != std::string::npos) last = line.substr(0, 300);
    for (char& c : last)
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    return wire::is_utf8(last) ? last : "";
}

// Does some worker hold its lock? It lives, though it may not listen yet.
bool worker_lock_is_held(const RuntimeDirectory& directory) {
    const Descriptor lock(open(directory.lock().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    return lock && flock(lock.get(), LOCK_SH | LOCK_NB) != 0;
}

uint32_t expected_uid(const Options& options) {
    return options.expected_uid >= 0 ? static_cast<uint32_t>(options.expected_uid) : getuid();
}

std::string host_name(const Options& options) {
    std::string name = options.host_name.substr(0, 255);
    while (!wire::is_utf8(name)) name.pop_back();
    return name;
}

void check_welcome(const wire::Welcome& welcome, const Options& options) {
    const char* hint = "install plugin and worker from one release, then run: retempo serve --stop";
    if (welcome.version != wire::kVersion)
        throw BridgeError(Problem::kVersion,
                          "the worker wants to speak version " + std::to_string(welcome.version) +
                              " of the protocol, this plugin knows version " + std::to_string(wire::kVersion),
                          hint, 2);
    if (options.parameter_table != wire::Digest{} && options.parameter_table != welcome.table)
        throw BridgeError(Problem::kVersion,
                          "the worker (retempo " + welcome.server + ") has other parameters than this plugin",
                          hint, 2);
}

// HELLO and its answer. Throws WorkerGone, BridgeError.
std::unique_ptr<Connection> greet(Channel& channel, const Options& options, const RuntimeDirectory& directory,
                                  Clock::time_point until, const Watch& watch) {
    const std::optional<Tokens> tokens = read_tokens(directory);
    if (!tokens) throw WorkerGone{"the worker has taken its token away"}; // it is just ending
    wire::Hello hello;
    hello.token = tokens->client;
    hello.pid = static_cast<uint32_t>(getpid());
    hello.name = host_name(options);
    channel.send(wire::Type::kHello, 1, hello.pack(), -1, until, watch);
    for (;;) {
        watch.check();
        const std::optional<Message> message = channel.receive(until, watch);
        if (message && message->header.type == wire::Type::kWelcome) {
            wire::Welcome welcome = wire::Welcome::parse(message->payload);
            if (!wire::same(welcome.token, tokens->worker))
                throw BridgeError(Problem::kUnsafe, "the process behind the socket does not know the token",
                                  "end it, or set RETEMPO_RUNTIME_DIR to a folder of your own", 4);
            check_welcome(welcome, options);
            return std::make_unique<Connection>(std::move(channel), std::move(welcome));
        }
        if (message && message->header.type == wire::Type::kFailed) {
            const wire::Failed failed = wire::Failed::parse(message->payload);
            const Problem problem = failed.code == 2   ? Problem::kVersion
                                    : failed.code == 4 ? Problem::kUnsafe
                                                       : Problem::kWorker;
            throw BridgeError(problem, failed.message, failed.hint, failed.code);
        }
        if (message)
            throw BridgeError(Problem::kProtocol, "the worker does not answer HELLO with WELCOME",
                              "install plugin and worker from one release");
        if (Clock::now() >= until) throw WorkerGone{"the worker does not answer", true};
    }
}

[[noreturn]] void report_failed_start(const RuntimeDirectory& directory, const std::string& what) {
    const std::string said = last_line(directory.start_log());
    throw BridgeError(Problem::kCannotStart, what + (said.empty() ? "" : " (it said: " + said + ")"),
                      "run: retempo plugin doctor; see " + directory.log() + " and " + directory.start_log());
}

Process start_process(const Options& options, const RuntimeDirectory& directory) {
    std::vector<std::string> environment;
    for (std::string& entry : worker_environment())
        if (entry.rfind("RETEMPO_RUNTIME_DIR=", 0) != 0) environment.push_back(std::move(entry));
    environment.push_back("RETEMPO_RUNTIME_DIR=" + directory.path);
    return Process::start(worker_command(options.launcher), environment, directory.start_log());
}

// Waits until a worker that was started welcomes us. The start lock is held.
std::unique_ptr<Connection> await_worker(Starts::Started& started, const Options& options,
                                         const RuntimeDirectory& directory, const Watch& watch) {
    const Clock::time_point until = started.when + options.limits.start;
    std::optional<Clock::time_point> ended;
    for (;;) {
        if (std::optional<Channel> channel =
                Channel::connect(directory.socket(), expected_uid(options), watch)) {
            try {
                return greet(*channel, options, directory, until, watch);
            } catch (const WorkerGone&) { // it may have been one that was just ending
            }
        }
        if (!started.process.running() && !worker_lock_is_held(directory)) {
            if (!ended)
                ended = Clock::now(); // looked once more: it may have ended because another is there
            else if (Clock::now() - *ended > Milliseconds{200})
                report_failed_start(directory, "the worker ended before it answered");
        }
        if (Clock::now() >= until) {
            started.process.kill(500);
            report_failed_start(directory, "the worker did not answer within " +
                                               std::to_string(options.limits.start.count() / 1000) +
                                               " s of being started");
        }
        sleep_a_little(watch, 20);
    }
}

// A new worker, or the one that an aborted call has left starting. The start lock is held.
std::unique_ptr<Connection> start_worker(const Options& options, const RuntimeDirectory& directory,
                                         Starts& starts, const Watch& watch) {
    std::optional<Starts::Started> started = starts.take_waiting();
    try {
        if (!started) started = Starts::Started{start_process(options, directory), Clock::now()};
        return await_worker(*started, options, directory, watch);
    } catch (const BridgeError& error) {
        if (error.problem() == Problem::kCannotStart) starts.note_failure(error);
        const bool given_up = error.problem() == Problem::kCancelled || error.problem() == Problem::kDeadline;
        if (started && given_up) starts.leave_waiting(std::move(*started));
        throw;
    }
}

} // namespace

Connection::Connection(Channel opened, wire::Welcome said)
    : channel(std::move(opened)), welcome(std::move(said)), owner(getpid()) {}

bool Connection::usable() {
    return owner == getpid() && !channel.broken() &&
           channel.drain([this](const Message& message) { see(message); });
}

std::unique_ptr<SharedMemory> Connection::take_memory(uint64_t bytes) {
    if (spare.empty()) return SharedMemory::create(bytes);
    std::unique_ptr<SharedMemory> memory = std::move(spare.back());
    spare.pop_back();
    memory->grow(bytes);
    return memory;
}

void Connection::see(const Message& message) {
    if (message.header.type != wire::Type::kDone && message.header.type != wire::Type::kFailed) return;
    const auto found = lent.find(message.header.request);
    if (found == lent.end()) return;
    if (spare.empty()) spare.push_back(std::move(found->second));
    lent.erase(found);
}

uint64_t Connection::kept_bytes() const {
    uint64_t sum = 0;
    for (const auto& memory : spare) sum += memory->size();
    for (const auto& [request, memory] : lent) sum += memory->size();
    return sum;
}

void Starts::note_failure(const BridgeError& error) {
    const std::lock_guard<std::mutex> guard(mutex_);
    failure_.emplace(error);
    failed_ = Clock::now();
}

void Starts::check(Clock::time_point since) const {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (failure_ && failed_ > since) throw BridgeError(*failure_);
}

std::optional<Starts::Started> Starts::take_waiting() {
    const std::lock_guard<std::mutex> guard(mutex_);
    std::optional<Started> taken = std::exchange(waiting_, std::nullopt);
    if (taken && !taken->process.running()) taken.reset();
    return taken;
}

void Starts::leave_waiting(Started started) {
    const std::lock_guard<std::mutex> guard(mutex_);
    waiting_.emplace(std::move(started));
}

void Starts::forget_waiting() {
    const std::lock_guard<std::mutex> guard(mutex_);
    waiting_.reset();
}

void put_away(Process& process, const Watch& watch) {
    process.kill(0);
    const Clock::time_point until = Clock::now() + Milliseconds{2000};
    while (process.running() && Clock::now() < until) sleep_a_little(watch, 5);
}

std::unique_ptr<Connection> find_worker(const Options& options, const RuntimeDirectory& directory,
                                        const Watch& watch) {
    std::optional<Channel> channel = Channel::connect(directory.socket(), expected_uid(options), watch);
    if (!channel) return nullptr;
    Process worker = Process::watch(channel->peer().pid());
    try {
        return greet(*channel, options, directory, Clock::now() + options.limits.connect, watch);
    } catch (const WorkerGone& gone) {
        if (gone.silent) put_away(worker, watch);
        return nullptr;
    }
}

std::unique_ptr<Connection> open_connection(const Options& options, const RuntimeDirectory& directory,
                                            Starts& starts, const Watch& watch) {
    watch.check();
    check_runtime_directory(directory);
    const auto find = [&] {
        auto found = find_worker(options, directory, watch);
        if (found) starts.forget_waiting(); // it is this one, or has ended because of this one
        return found;
    };
    if (auto found = find()) return found;
    const Clock::time_point began = Clock::now();
    for (;;) {
        starts.check(began - options.limits.retry);
        if (const std::optional<Descriptor> lock = take_start_lock(directory)) {
            if (auto found = find()) return found;
            starts.check(began - options.limits.retry); // whoever had the lock may just have failed
            return start_worker(options, directory, starts, watch);
        }
        // somebody else, a thread of ours or another host, is starting one
        if (std::optional<Channel> channel =
                Channel::connect(directory.socket(), expected_uid(options), watch)) {
            try {
                return greet(*channel, options, directory, began + options.limits.start, watch);
            } catch (const WorkerGone&) {}
        }
        if (Clock::now() - began > options.limits.start + options.limits.connect)
            throw BridgeError(Problem::kCannotStart,
                              "another process has been starting the worker for too long",
                              "look for a process that holds " + directory.start_log());
        sleep_a_little(watch, 20);
    }
}

} // namespace retempo::bridge

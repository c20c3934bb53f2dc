// What can go wrong between a plugin and its worker, and what should the user do about it?
//
// BridgeError is the only type that the bridge's API throws.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace retempo::bridge {

enum class Problem {
    kCancelled,   // the host aborted; nothing to report
    kDeadline,    // the time given to the request is over
    kCannotStart, // there is no worker and none could be started
    kUnsafe,      // the runtime directory or the process behind the socket is not the user's own
    kVersion,     // plugin and worker are of different releases
    kProtocol,    // what came over the socket makes no sense
    kLost,        // the worker ended or fell silent, again after it was restarted
    kMemory,      // no memory, or no shared memory
    kRequest,     // the caller asked for something impossible
    kWorker,      // the worker understood and refused or failed: see code()
    kInternal,    // anything else: a bug
};

class BridgeError : public std::exception {
  public:
    // message: what is wrong and where. hint: what to do; may be empty. code: the exit code class of
    // `retempo` (1 unexpected, 2 parameter, 3 input, 4 output, 5 colour, 6 timing, 7 device, 8 weights,
    // 130 cancelled).
    BridgeError(Problem problem, std::string message, std::string hint = "", int code = 1)
        : problem_(problem), code_(code), message_(std::move(message)), hint_(std::move(hint)),
          text_(hint_.empty() ? message_ : message_ + "; " + hint_) {}

    Problem problem() const noexcept { return problem_; }
    int code() const noexcept { return code_; }
    const std::string& message() const noexcept { return message_; }
    const std::string& hint() const noexcept { return hint_; }
    // "message; hint": one line for the host to show.
    const char* what() const noexcept override { return text_.c_str(); }

  private:
    Problem problem_;
    int code_;
    std::string message_, hint_, text_;
};

// A word for logs and tests: "cancelled", "deadline", ...
inline const char* name_of(Problem problem) {
    switch (problem) {
    case Problem::kCancelled:
        return "cancelled";
    case Problem::kDeadline:
        return "deadline";
    case Problem::kCannotStart:
        return "cannot start";
    case Problem::kUnsafe:
        return "unsafe";
    case Problem::kVersion:
        return "version";
    case Problem::kProtocol:
        return "protocol";
    case Problem::kLost:
        return "lost";
    case Problem::kMemory:
        return "memory";
    case Problem::kRequest:
        return "request";
    case Problem::kWorker:
        return "worker";
    case Problem::kInternal:
        return "internal";
    }
    return "unknown";
}

} // namespace retempo::bridge

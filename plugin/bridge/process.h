// How is a worker started from inside somebody else's process, and how is one that is stuck put away?
//
// The worker is nobody's child: a session of its own, no descriptor and no signal setting of the host,
// standard input and output on /dev/null, standard error into a log, and an environment without what hosts
// set for themselves (PYTHON*, LD_*, DYLD_*, and the like). Nothing here runs before the first render.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#if !defined(_WIN32)
#include "bridge/descriptor.h"
#endif

namespace retempo::bridge {

// The words of the command that starts the worker, the first of which to look for. In this order:
// $RETEMPO_WORKER_COMMAND (split like a shell does, with quotes, nothing expanded), $RETEMPO_PYTHON
// (`... -m retempo serve`), `launcher` (what the bundle brings), `retempo serve`.
std::vector<std::string> worker_command(const std::vector<std::string>& launcher);

std::vector<std::string> split_words(const std::string& line);

// NAME=value of this process, without what must not reach the worker.
std::vector<std::string> worker_environment();

// A process that need not be a child of ours; watched through a pidfd where there is one.
class Process {
  public:
    Process() = default;
    // The process with that pid, right now.
    static Process watch(int64_t pid);
    // Throws BridgeError (kCannotStart) when the program is not found or not executable.
    static Process start(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                         const std::string& error_log);

    int64_t pid() const { return pid_; }
    bool running() const;
    // Ends it without asking; waits up to `patience_ms` until it is gone. True when it is.
    bool kill(int patience_ms);

  private:
    int64_t pid_ = 0;
#if defined(_WIN32)
    intptr_t handle_ = 0;
#else
    Descriptor pidfd_;
#endif
};

} // namespace retempo::bridge

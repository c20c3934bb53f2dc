// What does a plugin need to know of the bridge? This file, and the ones it includes.
//
//     Client client({host_name, {launcher_path}});
//     Request request = ...;
//     Result result = client.render(request, [&] { return host_wants_to_stop(); });
//
// A Client is small; it may be made and destroyed for every frame, and used from any number of threads at
// once. Nothing happens before the first render: no process, no file, no thread. The only exception that
// comes out is BridgeError. Callbacks are called on the calling thread and must not throw.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bridge/connection.h"
#include "bridge/error.h"
#include "bridge/pixels.h"
#include "bridge/rational.h"

namespace retempo::bridge {

class Pool;

enum class Kind : uint16_t { kRetime = 1, kVectors = 2, kShots = 3 };
enum class Output : uint16_t {
    kPicture = 1,
    kVectors = 2,
    kConfidence = 4,
    kOcclusion = 8,
    kForeground = 16,
    kBackground = 32,
    kMatte = 64,
    kThumbnail = 128,
    kCuts = 256
};
enum class Role : uint8_t { kSource = 1, kVectors = 2, kMatte = 3, kDepth = 4 };
enum class Motion : uint16_t { kNotNeeded = 0, kComputed = 1, kCached = 2 };

// A picture of the host and what it is. Read until render returns; must not change meanwhile.
struct Frame {
    Role role = Role::kSource;
    int64_t number = 0; // the source frame that it is, or belongs to
    Picture picture;
    // The host's own word for the content (OFX: kOfxImagePropUniqueIdentifier): a frame of the same identity,
    // depth, place and row order, a sample of whose pixels is the same too, is taken for the same frame. A
    // hint: leave it empty where the host gives none, or gives it wrongly, and the pixels are hashed each
    // time.
    std::string identity;
};

struct Request {
    Kind kind = Kind::kRetime;
    Output output = Output::kPicture;
    Rational time;                 // source time: rational_time(seconds of the host's double)
    std::vector<Instant> instants; // what the picture is the mean of (motion blur); none: `time` alone
    Bounds display;                // the format or project window, in the pixel coordinates of the pictures
    MutablePicture picture;        // where the result goes
    Bounds window;                 // the part of it that is to be filled; empty: all
    std::vector<Frame> frames;
    std::vector<std::pair<std::string, std::string>> settings; // names of RetimeSettings; see ../PROTOCOL.md
    Milliseconds deadline{0};                                  // 0: Limits::render
};

struct Result {
    Motion motion = Motion::kNotNeeded;
    std::string info;      // a line for the user
    uint32_t repaired = 0; // pixels of the sources that were NaN or infinite
    uint64_t cache_used = 0;
    int frames_sent = 0;    // the worker had the others, as far as is known here
    bool restarted = false; // the worker ended or fell silent, and a new one made this result
    int64_t worker = 0;     // its pid
    // microseconds spent here: hashing the frames (new ones are copied meanwhile), getting a connection,
    // writing frames into shared memory, waiting for the worker, copying the result to the host
    int64_t hash_us = 0, connect_us = 0, write_us = 0, wait_us = 0, deliver_us = 0;
    // and there: receiving frames, waiting for its turn, preparing (flow), rendering, delivering
    int64_t worker_receive_us = 0, worker_queued_us = 0, worker_prepare_us = 0, worker_render_us = 0,
            worker_deliver_us = 0;
};

// done: 0 to 1; what: a few words.
using Progress = std::function<void(double done, const std::string& what)>;

class Client {
  public:
    explicit Client(Options options);

    // Fills request.window of request.picture, or throws BridgeError. Returns (throws) within 100 ms of the
    // host's abort, and no later than the deadline. A worker that ends or falls silent meanwhile is started
    // again, once.
    Result render(const Request& request, const Abort& abort = {}, const Progress& progress = {}) const;

    // The worker's own account of itself as JSON (see STATUS in ../PROTOCOL.md); empty when none runs and
    // `start` is false. Throws BridgeError.
    std::string status(bool start = false) const;
    // Ends the worker, if one runs. Throws BridgeError.
    void stop_worker() const;

    // Paths for an "open log" button.
    std::string log() const;
    std::string start_log() const;
    // Where the log is, and its last lines.
    std::string describe_log() const;

  private:
    std::string ask(wire::Type question, bool start) const;

    Options options_;
    std::shared_ptr<Pool> pool_;
};

// Closes what is idle and forgets it, and all identities; what is rendering now is closed when it is done.
// For the plugin's unload action. The bridge may be used again afterwards.
void shutdown();

} // namespace retempo::bridge

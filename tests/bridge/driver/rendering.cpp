// What happens to renders? As many threads and clients as asked for; a line of JSON for each render.
#include <atomic>
#include <cstring>
#include <dirent.h>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>
#include <time.h>
#include <unistd.h>

#include "bridge/client.h"
#include "bridge/frame_copy.h"
#include "bridge/process.h"
#include "driver.h"

namespace driver {
namespace {

using namespace retempo::bridge;

int count_descriptors() {
    int count = -1; // the directory's own
    DIR* folder = opendir("/proc/self/fd");
    while (folder != nullptr && readdir(folder) != nullptr) ++count;
    if (folder != nullptr) closedir(folder);
    return count - 2; // . and ..
}

double milliseconds_since(Clock::time_point when) {
    return std::chrono::duration<double, std::milli>(Clock::now() - when).count();
}

// Seconds of processor time that a process has used, all its threads together; 0 where that cannot be seen.
double processor_time(int64_t pid) {
    clockid_t clock;
    timespec time{};
    if (clock_getcpuclockid(static_cast<pid_t>(pid), &clock) != 0 || clock_gettime(clock, &time) != 0)
        return 0;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

Options options_from(const Arguments& arguments) {
    Options options;
    options.host_name = "driver";
    options.launcher = split_words(arguments.text("launcher"));
    options.runtime_directory = arguments.text("dir");
    options.expected_uid = arguments.number("uid", -1);
    const std::vector<uint8_t> table = unhex(arguments.text("table"));
    std::copy(table.begin(), table.end(), options.parameter_table.begin());
    const auto limit = [&](const char* name, Milliseconds& value) {
        value = Milliseconds{arguments.number(name, value.count())};
    };
    limit("connect_ms", options.limits.connect);
    limit("start_ms", options.limits.start);
    limit("heartbeat_ms", options.limits.heartbeat);
    limit("silence_ms", options.limits.silence);
    limit("retry_ms", options.limits.retry);
    return options;
}

// A buffer and the picture in it; the value of pixel (x, y from the top), channel c is that of the fixtures'
// picture shifted by 31 a frame.
struct Canvas {
    std::vector<uint8_t> bytes;
    MutablePicture picture;

    Canvas(const Arguments& arguments, long number) {
        const int width = static_cast<int>(arguments.number("width", 32));
        const int height = static_cast<int>(arguments.number("height", 18));
        const int channels = static_cast<int>(arguments.number("channels", 4));
        const std::string depth = arguments.text("depth", "float");
        picture.depth = depth == "byte"    ? Depth::kByte
                        : depth == "short" ? Depth::kShort
                        : depth == "half"  ? Depth::kHalf
                                           : Depth::kFloat;
        picture.components = static_cast<Components>(channels);
        const int x = static_cast<int>(arguments.number("x")), y = static_cast<int>(arguments.number("y"));
        picture.bounds = {x, y, x + width, y + height};
        const auto row = static_cast<ptrdiff_t>(sample_bytes(picture.depth)) * channels * width;
        const bool down = arguments.number("negative") != 0;
        bytes.resize(static_cast<size_t>(row * height));
        picture.row_bytes = down ? -row : row;
        picture.data = bytes.data() + (down ? row * (height - 1) : 0);
        std::vector<float> line(static_cast<size_t>(width * channels)), scratch(line.size());
        for (int r = 0; r < height; ++r) {
            for (int i = 0; i < width * channels; ++i)
                line[static_cast<size_t>(i)] =
                    static_cast<float>((i / channels * 7 + r * 13 + i % channels * 29 + number * 31) % 256 -
                                       64) /
                    32.0f;
            write_row(line.data(), picture.depth, picture.components, picture.alpha, width,
                      row_of(picture, picture.bounds, r), scratch.data());
        }
    }
    Picture source() const {
        Picture copy;
        copy.data = picture.data;
        copy.bounds = picture.bounds;
        copy.row_bytes = picture.row_bytes;
        copy.depth = picture.depth;
        copy.components = picture.components;
        copy.alpha = picture.alpha;
        return copy;
    }
};

// The result's rows from the top, as they are.
void save(const MutablePicture& picture, const std::string& path) {
    std::ofstream file(path, std::ios::binary);
    const auto row =
        sample_bytes(picture.depth) * static_cast<size_t>(picture.channels() * picture.bounds.width());
    for (int r = 0; r < picture.bounds.height(); ++r)
        file.write(static_cast<const char*>(row_of(picture, picture.bounds, r)),
                   static_cast<std::streamsize>(row));
}

std::string result_text(const Result& result, double elapsed) {
    std::ostringstream out;
    out << "{\"ok\": true, \"elapsed_ms\": " << elapsed
        << ", \"restarted\": " << (result.restarted ? "true" : "false") << ", \"worker\": " << result.worker
        << ", \"frames_sent\": " << result.frames_sent << ", \"motion\": " << static_cast<int>(result.motion)
        << ", \"info\": " << quoted(result.info) << ", \"hash_us\": " << result.hash_us
        << ", \"connect_us\": " << result.connect_us << ", \"write_us\": " << result.write_us
        << ", \"wait_us\": " << result.wait_us << ", \"deliver_us\": " << result.deliver_us
        << ", \"worker_receive_us\": " << result.worker_receive_us
        << ", \"worker_queued_us\": " << result.worker_queued_us
        << ", \"worker_prepare_us\": " << result.worker_prepare_us
        << ", \"worker_render_us\": " << result.worker_render_us
        << ", \"worker_deliver_us\": " << result.worker_deliver_us << "}";
    return out.str();
}

std::string error_text(const BridgeError& error, double elapsed, double late) {
    std::ostringstream out;
    out << "{\"ok\": false, \"elapsed_ms\": " << elapsed << ", \"late_ms\": " << late
        << ", \"problem\": " << quoted(name_of(error.problem())) << ", \"code\": " << error.code()
        << ", \"message\": " << quoted(error.message()) << ", \"hint\": " << quoted(error.hint()) << "}";
    return out.str();
}

// One render; its line of JSON.
std::string render_once(const Arguments& arguments, const Options& options, double time, long salt,
                        long turn) {
    const std::vector<int> numbers = arguments.numbers("frames");
    std::vector<Canvas> canvases;
    for (const int number : numbers) canvases.emplace_back(arguments, number + salt);
    for (Canvas& canvas : canvases) // a change that no sample of a large picture shows
        if (arguments.number("nudge") != 0) canvas.bytes.back() ^= static_cast<uint8_t>(turn);
    Canvas target(arguments, 1000);
    Request request;
    request.time = rational_time(time);
    request.picture = target.picture;
    const std::vector<int> display = arguments.numbers("display");
    request.display =
        display.size() == 4 ? Bounds{display[0], display[1], display[2], display[3]} : target.picture.bounds;
    const std::vector<int> window = arguments.numbers("window");
    if (window.size() == 4) request.window = {window[0], window[1], window[2], window[3]};
    for (size_t i = 0; i < numbers.size(); ++i)
        request.frames.push_back({Role::kSource, numbers[i], canvases[i].source(),
                                  arguments.number("identity") == 0 ? ""
                                  : arguments.number("liar") != 0
                                      ? "a frame"
                                      : "frame " + std::to_string(numbers[i] + salt)});
    const auto settings = arguments.values.equal_range("setting");
    for (auto at = settings.first; at != settings.second; ++at) {
        const size_t split = at->second.find(':');
        request.settings.emplace_back(at->second.substr(0, split), at->second.substr(split + 1));
    }
    request.deadline = Milliseconds{arguments.number("deadline_ms")};
    const long abort_ms = arguments.number("abort_ms", -1);
    static std::atomic<int64_t> last_worker{0};
    const int64_t worker = last_worker;
    const double worker_before = worker > 0 ? processor_time(worker) : 0, before = processor_time(0);
    const Clock::time_point began = Clock::now();
    Abort abort;
    if (abort_ms >= 0) abort = [&] { return milliseconds_since(began) >= static_cast<double>(abort_ms); };
    int progress = 0;
    try {
        const Client client(options);
        const Result result = client.render(request, abort, [&](double, const std::string&) { ++progress; });
        const double elapsed = milliseconds_since(began);
        const double used = processor_time(0) - before;
        const double worker_used = worker == result.worker ? processor_time(worker) - worker_before : 0;
        last_worker = result.worker;
        if (!arguments.text("out").empty()) save(target.picture, arguments.text("out"));
        std::string text = result_text(result, elapsed);
        std::ostringstream more;
        more << ", \"progress\": " << progress << ", \"cpu_ms\": " << used * 1e3
             << ", \"worker_cpu_ms\": " << worker_used * 1e3;
        text.insert(text.size() - 1, more.str());
        return text;
    } catch (const BridgeError& error) {
        const double elapsed = milliseconds_since(began);
        return error_text(error, elapsed, elapsed - static_cast<double>(abort_ms));
    }
}

std::mutex output;

void say(const std::string& line) {
    const std::lock_guard<std::mutex> guard(output);
    std::cout << line << std::endl;
}

} // namespace

// Microseconds that a copy of one frame takes now, between two places that were touched before.
int64_t time_copy(const Arguments& arguments) {
    static const Canvas source(arguments, 0);
    static Canvas target(arguments, 1);
    const Clock::time_point began = Clock::now();
    std::memcpy(target.bytes.data(), source.bytes.data(), source.bytes.size());
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began).count();
}

// threads x repeat renders; time grows by `step`; other pixels for each thread with distinct=1, for each
// render of a thread with fresh=1, one other byte with nudge=1.
int render(const Arguments& arguments) {
    const Options options = options_from(arguments);
    const double time = std::strtod(arguments.text("time", "0.5").c_str(), nullptr);
    const double step = std::strtod(arguments.text("step", "0").c_str(), nullptr);
    const long repeat = arguments.number("repeat", 1), threads = arguments.number("threads", 1);
    const auto pause = std::chrono::milliseconds(arguments.number("pause_ms"));
    const int before = count_descriptors();
    const auto work = [&](long index) {
        for (long i = 0; i < repeat; ++i) {
            const long salt = (arguments.number("distinct") != 0 ? index * 100 : 0) +
                              (arguments.number("fresh") != 0 ? i * 10 : 0);
            std::string line = render_once(arguments, options, time + step * static_cast<double>(i), salt, i);
            if (arguments.number("copy") != 0) // beside each render: both meet the same load of the machine
                line.insert(line.size() - 1, ", \"copy_us\": " + std::to_string(time_copy(arguments)));
            say(line);
            std::this_thread::sleep_for(pause);
        }
    };
    std::vector<std::thread> running;
    for (long i = 1; i < threads; ++i) running.emplace_back(work, i);
    work(0);
    for (std::thread& one : running) one.join();
    const int during = count_descriptors();
    shutdown();
    std::ostringstream out;
    out << "{\"fds_before\": " << before << ", \"fds_during\": " << during
        << ", \"fds_after\": " << count_descriptors();
    out << "}";
    say(out.str());
    return 0;
}

// Clients made, used and destroyed, one after the other; descriptors after the first and after the last.
int clients(const Arguments& arguments) {
    const Options options = options_from(arguments);
    const int before = count_descriptors();
    int first = 0, failed = 0;
    for (long i = 0; i < arguments.number("count", 100); ++i) {
        failed += render_once(arguments, options, 0.5, 0, 0).find("\"ok\": true") == std::string::npos;
        if (i == 0) first = count_descriptors();
    }
    const int last = count_descriptors();
    shutdown();
    std::cout << "{\"fds_before\": " << before << ", \"fds_first\": " << first << ", \"fds_last\": " << last
              << ", \"fds_after\": " << count_descriptors() << ", \"failed\": " << failed << "}\n";
    return 0;
}

// A RENDER whose result region lies beyond its memory; then a good one over the same connection.
int short_memory(const Arguments& arguments) {
    const Options options = options_from(arguments);
    const RuntimeDirectory directory = find_runtime_directory(options.runtime_directory);
    const Abort nobody;
    const Watch watch(nobody, Clock::now() + Milliseconds{20000});
    Starts starts;
    const auto connection = open_connection(options, directory, starts, watch);
    wire::Render message;
    message.window = message.display = {0, 0, 64, 64};
    message.stride = 1024;
    message.frames.resize(1);
    message.frames[0].window = message.window;
    message.frames[0].eager = arguments.number("eager") != 0;
    const auto small = SharedMemory::create(message.frames[0].eager ? 65536 + 4096 : 4096);
    message.frames[0].offset = message.frames[0].eager ? 65536 : 0;
    connection->channel.send(wire::Type::kRender, 7, message.pack(), static_cast<int>(small->handle()),
                             watch.deadline(), watch);
    connection->channel.send(wire::Type::kPing, 8, {}, -1, watch.deadline(), watch);
    std::string failed;
    for (bool alive = false; !alive || failed.empty();) {
        watch.check();
        const std::optional<Message> answer = connection->channel.receive(watch.deadline(), watch);
        if (!answer) continue;
        if (answer->header.type == wire::Type::kPong) alive = true;
        if (answer->header.type == wire::Type::kFailed) failed = wire::Failed::parse(answer->payload).message;
        if (answer->header.type == wire::Type::kDone) failed = "DONE";
    }
    std::cout << "{\"failed\": " << quoted(failed) << ", \"worker\": " << connection->channel.peer().pid()
              << "}\n";
    return 0;
}

int status(const Arguments& arguments) {
    const Client client(options_from(arguments));
    const std::string said = client.status(arguments.number("start") != 0); // before anything is in a buffer
    std::cout << "{\"status\": " << quoted(said) << "}\n";
    if (arguments.number("stop") != 0) client.stop_worker();
    return 0;
}

} // namespace driver

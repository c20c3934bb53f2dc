// What may a request be? One that the worker can understand; all else is an error of the plugin.
#include "bridge/request_message.h"

#include <cmath>

#include "bridge/frame_copy.h"

namespace retempo::bridge {
namespace {

void check_bounds(const Bounds& bounds, const std::string& name) {
    constexpr int kFarthest =
        wire::kLargestPlace / 2; // the distance of two such places is an int, and a place
    const auto reasonable = [](int v) { return v >= -kFarthest && v <= kFarthest; };
    if (!reasonable(bounds.x1) || !reasonable(bounds.y1) || !reasonable(bounds.x2) ||
        !reasonable(bounds.y2) || bounds.empty() || bounds.width() > int{wire::kLargestSide} ||
        bounds.height() > int{wire::kLargestSide})
        refuse(name + " has no size, or one beyond 32768 pixels");
}

template <class Data>
void check_picture(const PictureOf<Data>& picture, const std::string& name) {
    const Bounds& bounds = picture.bounds;
    check_bounds(bounds, name);
    if (picture.data == nullptr) refuse(name + " has no pixels");
    const auto row =
        static_cast<ptrdiff_t>(sample_bytes(picture.depth)) * picture.channels() * bounds.width();
    if (std::abs(picture.row_bytes) < row && bounds.height() > 1) refuse(name + " has rows that overlap");
}

// Colour is multiplied by alpha in pictures, not in vectors, depth, mattes or confidence.
template <class Data>
PictureOf<Data> as_data(PictureOf<Data> picture, bool is_colour) {
    if (!is_colour) picture.alpha = AlphaState::kPremultiplied;
    return picture;
}

bool is_colour(Output output) {
    return output == Output::kPicture || output == Output::kForeground || output == Output::kBackground;
}

wire::FrameEntry make_entry(const Frame& frame, const Bounds& display) {
    check_picture(frame.picture, "frame " + std::to_string(frame.number));
    wire::FrameEntry entry;
    entry.role = static_cast<uint8_t>(frame.role);
    entry.channels = static_cast<uint8_t>(frame.picture.channels());
    entry.number = frame.number;
    entry.window = wire_window(frame.picture.bounds, display);
    return entry;
}

void check_request(const Request& request, const Bounds& window) {
    check_bounds(request.display, "the display window");
    check_picture(request.picture, "the output picture");
    if (window.empty() || !request.picture.bounds.contains(window))
        refuse("the render window is not inside the output picture");
    if (request.frames.empty() || request.frames.size() > wire::kMostFrames)
        refuse("a request has 1 to 64 frames, not " + std::to_string(request.frames.size()));
    for (const auto& [key, value] : request.settings)
        if (!wire::is_utf8(key) || !wire::is_utf8(value)) refuse("the setting " + key + " is not UTF-8");
}

} // namespace

void refuse(const std::string& what) {
    throw BridgeError(Problem::kRequest, what, "this is an error of the plugin: report it", 2);
}

wire::Render make_message(const Request& request, const Bounds& window) {
    check_request(request, window);
    wire::Render message;
    message.kind = static_cast<uint16_t>(request.kind);
    message.output = static_cast<uint16_t>(request.output);
    message.channels = static_cast<uint8_t>(request.picture.channels());
    message.window = wire_window(window, request.display);
    message.display = wire_window(request.display, request.display);
    message.numerator = request.time.numerator;
    message.denominator = request.time.denominator;
    for (const Instant& one : request.instants)
        message.instants.push_back({one.time.numerator, static_cast<uint32_t>(one.time.denominator),
                                    static_cast<uint32_t>(one.how)});
    message.stride = static_cast<int64_t>(4) * request.picture.channels() * window.width();
    message.settings = request.settings;
    for (const Frame& frame : request.frames) message.frames.push_back(make_entry(frame, request.display));
    return message;
}

Picture picture_of(const Frame& frame) { return as_data(frame.picture, frame.role == Role::kSource); }

MutablePicture target_of(const Request& request) {
    return as_data(request.picture, is_colour(request.output));
}

} // namespace retempo::bridge

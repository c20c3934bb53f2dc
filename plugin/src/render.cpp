// How does a plan become pixels? The host's pictures go to the worker, which fills the host's output.
#include "render.h"

#include <cmath>
#include <cstring>

#include "bundle_path.h"
#include "colour.h"
#include "effects.h"
#include "message.h"

namespace retempo::ofx {
namespace {

using bridge::Bounds;

// What the worker does not get a picture for: one black, transparent pixel row reaches for any size.
struct Blank {
    std::vector<float> row;

    bridge::Picture picture(const Bounds& bounds, bridge::Components components) {
        row.assign(static_cast<size_t>(bounds.width()) * static_cast<size_t>(components) *
                       static_cast<size_t>(bounds.height()),
                   0.0F);
        bridge::Picture made;
        made.data = row.data();
        made.bounds = bounds;
        made.components = components;
        made.row_bytes =
            static_cast<ptrdiff_t>(sizeof(float)) * bounds.width() * static_cast<int>(components);
        return made;
    }
};

struct Arguments {
    double time;
    Bounds window;
    double scale_x, scale_y;
    bool draft;

    explicit Arguments(const Properties& in)
        : time(in.number(kOfxPropTime)), window{in.integer(kOfxImageEffectPropRenderWindow, 0),
                                                in.integer(kOfxImageEffectPropRenderWindow, 1),
                                                in.integer(kOfxImageEffectPropRenderWindow, 2),
                                                in.integer(kOfxImageEffectPropRenderWindow, 3)},
          scale_x(in.number_or(kOfxImageEffectPropRenderScale, 0, 1)),
          scale_y(in.number_or(kOfxImageEffectPropRenderScale, 1, 1)),
          draft(in.integer_or(kOfxImageEffectPropRenderQualityDraft, 0) != 0) {
        // hosts say Both, and some Both for progressive material too
        const std::string field = in.text_or(kOfxImageEffectPropFieldToRender, kOfxImageFieldNone);
        if (field == kOfxImageFieldLower || field == kOfxImageFieldUpper)
            throw StatusError(kOfxStatFailed,
                              "single fields cannot be retimed; deinterlace the clip first, or tell the "
                              "host that it is progressive");
    }
};

// The project's window in pixels; the window of the output where the host names none.
Bounds find_display(const Instance& node, const Arguments& asked, const bridge::MutablePicture& output,
                    double aspect) {
    OfxPropertySetHandle set = nullptr;
    check(host().effect->getPropertySet(node.handle, &set));
    const Properties said(set);
    const double x = said.number_or(kOfxImageEffectPropProjectOffset, 0, 0) * asked.scale_x / aspect;
    const double y = said.number_or(kOfxImageEffectPropProjectOffset, 1, 0) * asked.scale_y;
    const double width = said.number_or(kOfxImageEffectPropProjectSize, 0, 0) * asked.scale_x / aspect;
    const double height = said.number_or(kOfxImageEffectPropProjectSize, 1, 0) * asked.scale_y;
    const auto fits = [](double place, double size) {
        return size >= 1 && size <= 32768 && std::fabs(place) < 1 << 24; // false for NaN as well
    };
    if (!fits(x, width) || !fits(y, height)) return output.bounds;
    const auto pixel = [](double value) { return static_cast<int>(std::lround(value)); };
    return {pixel(x), pixel(y), pixel(x + width), pixel(y + height)};
}

void fill_black(const bridge::MutablePicture& picture, const Bounds& window) {
    const size_t bytes = bridge::sample_bytes(picture.depth) * static_cast<size_t>(picture.channels()) *
                         static_cast<size_t>(window.width());
    for (int r = 0; r < window.height(); ++r) std::memset(bridge::row_of(picture, window, r), 0, bytes);
}

// Whether frames of other times can be had; asked only where they are needed.
void check_access(const Plan& plan, double time) {
    if (host().temporal_access) return;
    for (const Fetch& fetch : plan.fetches)
        if (static_cast<double>(fetch.frame) != time)
            throw StatusError(kOfxStatFailed,
                              host().name +
                                  " hands plugins the current frame alone, so frames cannot be made from "
                                  "their neighbours here; use `retempo retime`, or a host with temporal "
                                  "access");
}

Settings find_settings(const Instance& node, const Arguments& asked) {
    Settings settings = node.parameters.settings(asked.time);
    if (asked.draft && std::strcmp(node.parameters.choice("flow", asked.time), "dis") == 0)
        settings.emplace_back("flow", "dis:fast"); // `dis` is the default, which settings() leaves out
    add_colour_settings(node, settings);
    return settings;
}

const bridge::Client& client() {
    static const bridge::Client made = [] {
        bridge::Options options;
        options.host_name = host().name;
        const std::string launcher = find_resource("retempo-worker");
        if (!launcher.empty()) options.launcher = {launcher};
        static_assert(sizeof(kParameterTableHash) == sizeof(options.parameter_table));
        std::memcpy(options.parameter_table.data(), kParameterTableHash, sizeof kParameterTableHash);
        return bridge::Client(options);
    }();
    return made;
}

} // namespace

OfxStatus render(const Instance& node, const Properties& in) {
    const Arguments asked(in);
    if (asked.window.empty()) return kOfxStatOK;
    Plan plan;
    node.plan(asked.time, plan);
    check_access(plan, asked.time);
    const Image output = node.output.image(asked.time);
    if (!output) throw StatusError(kOfxStatFailed, "the host gave no output picture");
    const bridge::MutablePicture result = output.picture();
    if (plan.black) {
        fill_black(result, asked.window);
        return kOfxStatOK;
    }

    bridge::Request request;
    std::vector<Image> images;
    std::vector<Blank> blanks(plan.fetches.size());
    images.reserve(plan.fetches.size());
    for (const Fetch& fetch : plan.fetches) {
        if (host().effect->abort(node.handle) != 0) return kOfxStatOK;
        if (!fetch.clip->connected())
            throw StatusError(kOfxStatFailed, "nothing is connected to the input " + fetch.clip->name());
        images.push_back(fetch.clip->image(static_cast<double>(fetch.frame)));
        bridge::Frame frame;
        frame.role = fetch.role;
        frame.number = fetch.number;
        if (images.back()) {
            const bridge::MutablePicture given = images.back().picture();
            const bool coarse = given.depth == bridge::Depth::kByte || given.depth == bridge::Depth::kShort;
            if (frame.role == bridge::Role::kVectors && coarse)
                throw StatusError(kOfxStatFailed,
                                  "the Vectors input has 8 or 16 bit integers, which cannot hold motion; "
                                  "work in half or float");
            frame.picture = {given.data,  given.bounds,     given.row_bytes,
                             given.depth, given.components, given.alpha};
        }
        request.frames.push_back(frame);
    }
    bool something = false;
    for (size_t i = 0; i < request.frames.size(); ++i) {
        bridge::Frame& frame = request.frames[i];
        const bool missing = frame.picture.data == nullptr || frame.picture.bounds.empty();
        something = something || (frame.role == bridge::Role::kSource && !missing);
        if (!missing) continue;
        const bool source = frame.role == bridge::Role::kSource;
        frame.picture =
            blanks[i].picture(asked.window, source ? result.components : bridge::Components::kRGBA);
    }
    if (!something) {
        fill_black(result, asked.window);
        return kOfxStatOK;
    }
    for (const bridge::Frame& frame : request.frames)
        if (frame.role == bridge::Role::kSource && plan.kind == bridge::Kind::kRetime &&
            plan.output == bridge::Output::kPicture && frame.picture.components != result.components)
            throw StatusError(kOfxStatErrImageFormat, "source and output have different channels");

    OfxPropertySetHandle set = nullptr;
    check(host().effect->getPropertySet(node.handle, &set));
    const double aspect = Properties(set).number_or(kOfxImageEffectPropProjectPixelAspectRatio, 0, 1);
    request.kind = plan.kind;
    request.output = plan.output;
    request.time = plan.time;
    request.instants = plan.instants;
    request.picture = result;
    request.window = asked.window;
    request.display = find_display(node, asked, result, aspect > 0 ? aspect : 1);
    request.settings = find_settings(node, asked);
    client().render(request, [&node] { return host().effect->abort(node.handle) != 0; });
    return kOfxStatOK;
}

} // namespace retempo::ofx

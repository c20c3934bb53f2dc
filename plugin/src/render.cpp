// How does a plan become pixels? The host's pictures go to the worker, which fills the host's output.
#include "render.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "colour.h"
#include "effects.h"
#include "progress.h"
#include "worker.h"

namespace retempo::ofx {
namespace {

using bridge::Bounds;

// What stands for a picture that the host does not have: black and transparent.
struct Blank {
    std::vector<float> pixels;

    bridge::Picture picture(const Bounds& bounds, bridge::Components components) {
        pixels.assign(static_cast<size_t>(bounds.width()) * static_cast<size_t>(components) *
                          static_cast<size_t>(bounds.height()),
                      0.0F);
        bridge::Picture made;
        made.data = pixels.data();
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
    Field field; // the only one that is wanted
    bool fields; // the picture is interlaced, says the host

    explicit Arguments(const Properties& in)
        : time(in.number(kOfxPropTime)), window{in.integer(kOfxImageEffectPropRenderWindow, 0),
                                                in.integer(kOfxImageEffectPropRenderWindow, 1),
                                                in.integer(kOfxImageEffectPropRenderWindow, 2),
                                                in.integer(kOfxImageEffectPropRenderWindow, 3)},
          scale_x(in.number_or(kOfxImageEffectPropRenderScale, 0, 1)),
          scale_y(in.number_or(kOfxImageEffectPropRenderScale, 1, 1)),
          draft(in.integer_or(kOfxImageEffectPropRenderQualityDraft, 0) != 0) {
        const std::string said = in.text_or(kOfxImageEffectPropFieldToRender, kOfxImageFieldNone);
        field = find_field(said);
        fields = field != Field::None || said == kOfxImageFieldBoth;
    }
};

// One picture of a render: a frame, or a field made of fields.
struct Pass {
    Field field;
    double time, delay; // of the picture; of fields of this parity behind their frames
    int number, of;
};

// Hosts that render fields call once for each, half a frame apart, or once for both. Some say Both of
// progressive frames: what counts is whether the source has fields.
std::vector<Pass> list_passes(const Instance& node, const Arguments& asked) {
    const Field first = node.source.first_field();
    if (first == Field::None || !asked.fields) return {{Field::None, asked.time, 0, 0, 1}};
    const auto second = first == Field::Lower ? Field::Upper : Field::Lower;
    if (node.info.kind == kVectors || node.shows_motion(asked.time) || node.uses_vectors(asked.time))
        throw StatusError(kOfxStatFailed,
                          "vectors go from frame to frame, and this clip has fields; deinterlace it first, "
                          "or tell the host that it is progressive");
    if (asked.field != Field::None) return {{asked.field, asked.time, asked.field == first ? 0 : 0.5, 0, 1}};
    return {{first, asked.time, 0, 0, 2}, {second, asked.time + 0.5, 0.5, 1, 2}};
}

void fill_black(const bridge::MutablePicture& picture, const Bounds& window) {
    const size_t bytes = bridge::sample_bytes(picture.depth) * static_cast<size_t>(picture.channels()) *
                         static_cast<size_t>(window.width());
    for (int r = 0; r < window.height(); ++r) std::memset(bridge::row_of(picture, window, r), 0, bytes);
}

bool is_missing(const bridge::Frame& frame) {
    return frame.picture.data == nullptr || frame.picture.bounds.empty();
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

// The output as it is to be filled. Motion is no colour: no alpha multiplies it, nor is it within 0 to 1.
bridge::MutablePicture find_result(const Instance& node, const Image& output, double time) {
    bridge::MutablePicture result = output.picture();
    if (!node.shows_motion(time)) return result;
    const bool coarse = result.depth == bridge::Depth::kByte || result.depth == bridge::Depth::kShort;
    if (coarse || result.components != bridge::Components::kRGBA)
        throw StatusError(kOfxStatFailed,
                          "vectors are four numbers with a sign; work in RGBA, half or float, or choose "
                          "another output");
    result.alpha = bridge::AlphaState::kPremultiplied;
    return result;
}

// Plans and renders one picture: a frame, or a field of one.
class Drawing {
  public:
    Drawing(const Instance& node, const Arguments& asked, const Pass& pass, Progress& progress)
        : node_(node), asked_(asked), pass_(pass), progress_(progress) {}

    // Fills the window, or the field's rows of it. Throws StatusError, BridgeError.
    void draw(const bridge::MutablePicture& whole, const Bounds& window);

  private:
    // False where it would have to be converted.
    bool copy_identity(const bridge::MutablePicture& result, const Bounds& window) const;
    void fetch(bridge::Components components, const Bounds& window);
    void leave_out_missing();
    bridge::Frame take(const Fetch& fetch);
    std::string name_frame(const Fetch& fetch, const Image& image) const;

    const Instance& node_;
    const Arguments& asked_;
    const Pass& pass_;
    Progress& progress_;
    Plan plan_;
    bridge::Request request_;
    std::vector<Image> images_;
    std::vector<Blank> blanks_;
    bool something_ = false; // a source frame that is shown has pixels
};

void Drawing::draw(const bridge::MutablePicture& whole, const Bounds& asked_window) {
    const bridge::MutablePicture result = take_field(whole, pass_.field);
    const Bounds window = field_bounds(asked_window, pass_.field);
    if (window.empty()) return;
    plan_.delay = pass_.delay;
    node_.plan(pass_.time, plan_);
    check_access(plan_, pass_.field == Field::None ? pass_.time : std::floor(pass_.time));
    if (!plan_.black) fetch(result.components, window);
    if (plan_.black || !something_) {
        fill_black(result, window);
        return;
    }
    if (plan_.identity != nullptr && copy_identity(result, window)) return;
    request_.kind = plan_.kind;
    request_.output = plan_.output;
    request_.time = plan_.time;
    request_.instants = plan_.instants;
    request_.picture = result;
    request_.window = window;
    request_.display =
        field_bounds(find_display(node_, asked_.scale_x, asked_.scale_y, whole.bounds), pass_.field);
    request_.settings = find_settings(node_, asked_.time, asked_.draft);
    if (!plan_.cuts.empty()) request_.settings.emplace_back("cuts", plan_.cuts);
    const auto unwanted = [this] { return host().effect->abort(node_.handle) != 0 || !progress_.look(); };
    const bridge::Result made = worker().render(request_, unwanted, [this](double done, const std::string&) {
        progress_.note((pass_.number + done) / pass_.of);
    });
    node_.note_info(made.info);
}

bool Drawing::copy_identity(const bridge::MutablePicture& result, const Bounds& window) const {
    const bridge::Picture& source = request_.frames[size_t(plan_.identity - plan_.fetches.data())].picture;
    if (source.depth != result.depth || source.components != result.components ||
        source.alpha != result.alpha)
        return false;
    const Bounds inside = {std::max(window.x1, source.bounds.x1), std::max(window.y1, source.bounds.y1),
                           std::min(window.x2, source.bounds.x2), std::min(window.y2, source.bounds.y2)};
    if (inside.x1 > window.x1 || inside.y1 > window.y1 || inside.x2 < window.x2 || inside.y2 < window.y2)
        fill_black(result, window);
    if (inside.empty()) return true;
    const size_t bytes = bridge::sample_bytes(result.depth) * static_cast<size_t>(result.channels()) *
                         static_cast<size_t>(inside.width());
    for (int r = 0; r < inside.height(); ++r)
        std::memcpy(bridge::row_of(result, inside, r), bridge::row_of(source, inside, r), bytes);
    return true;
}

void Drawing::fetch(bridge::Components components, const Bounds& window) {
    images_.reserve(plan_.fetches.size());
    blanks_.resize(plan_.fetches.size());
    for (const Fetch& fetch : plan_.fetches) {
        if (host().effect->abort(node_.handle) != 0)
            throw bridge::BridgeError(bridge::Problem::kCancelled, "the host cancelled the render", "", 130);
        request_.frames.push_back(take(fetch));
        const bool shown = fetch.role == bridge::Role::kSource && !fetch.aside;
        something_ = something_ || (shown && !is_missing(request_.frames.back()));
    }
    leave_out_missing();
    for (size_t i = 0; i < request_.frames.size(); ++i) {
        bridge::Frame& frame = request_.frames[i];
        const bool source = frame.role == bridge::Role::kSource;
        if (is_missing(frame))
            frame.picture = blanks_[i].picture(window, source ? components : bridge::Components::kRGBA);
    }
    for (const bridge::Frame& frame : request_.frames)
        if (something_ && frame.role == bridge::Role::kSource && plan_.kind == bridge::Kind::kRetime &&
            (plan_.output == bridge::Output::kPicture || needs_matte(plan_.output)) &&
            frame.picture.components != components)
            throw StatusError(kOfxStatErrImageFormat, "source and output have different channels");
}

// Frames that only tell how others move, where the host has no picture of them.
void Drawing::leave_out_missing() {
    std::set<int64_t> numbers;
    for (size_t i = 0; i < plan_.fetches.size(); ++i)
        if (plan_.fetches[i].aside && plan_.fetches[i].role == bridge::Role::kSource &&
            is_missing(request_.frames[i]))
            numbers.insert(request_.frames[i].number);
    const auto lost = [&](const bridge::Frame& frame) { return numbers.count(frame.number) != 0; };
    request_.frames.erase(std::remove_if(request_.frames.begin(), request_.frames.end(), lost),
                          request_.frames.end());
}

bridge::Frame Drawing::take(const Fetch& fetch) {
    if (!fetch.clip->connected())
        throw StatusError(kOfxStatFailed, "nothing is connected to the input " + fetch.clip->name());
    images_.push_back(fetch.clip->image(static_cast<double>(fetch.frame)));
    bridge::Frame frame;
    frame.role = fetch.role;
    frame.number = fetch.number;
    if (!images_.back()) return frame;
    const Image& image = images_.back();
    if (pass_.field != Field::None && image.field() != Field::None)
        throw StatusError(kOfxStatFailed,
                          "the host hands over single fields of the input " + fetch.clip->name() +
                              " where whole frames were asked for; deinterlace the clip first");
    const bridge::MutablePicture given = take_field(image.picture(), pass_.field);
    const bool coarse = given.depth == bridge::Depth::kByte || given.depth == bridge::Depth::kShort;
    if (frame.role == bridge::Role::kVectors && coarse)
        throw StatusError(kOfxStatFailed,
                          "the Vectors input has 8 or 16 bit integers, which cannot hold motion; "
                          "work in half or float");
    frame.picture = {given.data, given.bounds, given.row_bytes, given.depth, given.components, given.alpha};
    frame.identity = name_frame(fetch, image);
    return frame;
}

// What the host calls the pixels, and all that they depend on beside: hosts have few names for many pictures.
std::string Drawing::name_frame(const Fetch& fetch, const Image& image) const {
    const std::string given = host().quirks.unreliable_identifiers ? "" : image.identifier();
    if (given.empty()) return "";
    std::string name = given;
    for (const std::string& part :
         {fetch.clip->name(), fetch.clip->colourspace(), std::to_string(node_.inputs()),
          std::to_string(fetch.frame), std::to_string(asked_.scale_x), std::to_string(asked_.scale_y),
          std::to_string(static_cast<int>(pass_.field)), std::to_string(asked_.draft ? 1 : 0)})
        name += '\n' + part;
    return name;
}

// One field into a picture that may not be touched elsewhere, made of progressive frames.
void draw_rows(Drawing& drawing, const bridge::MutablePicture& result, const Bounds& window, Field field) {
    const size_t row = bridge::sample_bytes(result.depth) * static_cast<size_t>(result.channels()) *
                       static_cast<size_t>(window.width());
    std::vector<char> pixels(row * static_cast<size_t>(window.height()));
    bridge::MutablePicture made = result;
    made.data = pixels.data();
    made.bounds = window;
    made.row_bytes = static_cast<ptrdiff_t>(row);
    drawing.draw(made, window);
    const bridge::MutablePicture from = take_field(made, field), to = take_field(result, field);
    const Bounds rows = field_bounds(window, field);
    for (int r = 0; r < rows.height(); ++r)
        std::memcpy(bridge::row_of(to, rows, r), bridge::row_of(from, rows, r), row);
}

} // namespace

Settings find_settings(const Instance& node, double time, bool draft) {
    Settings settings = node.parameters.settings(time);
    if (draft && std::strcmp(node.parameters.choice("flow", time), "dis") == 0)
        settings.emplace_back("flow", "dis:fast"); // `dis` is the default, which settings() leaves out
    add_colour_settings(node, settings);
    return settings;
}

Bounds find_display(const Instance& node, double scale_x, double scale_y, const Bounds& otherwise) {
    OfxPropertySetHandle set = nullptr;
    check(host().effect->getPropertySet(node.handle, &set));
    const Properties said(set);
    const double project = said.number_or(kOfxImageEffectPropProjectPixelAspectRatio, 0, 1);
    const double own = node.output.aspect();
    const double aspect = own > 0 ? own : project > 0 ? project : 1;
    const double x = said.number_or(kOfxImageEffectPropProjectOffset, 0, 0) * scale_x / aspect;
    const double y = said.number_or(kOfxImageEffectPropProjectOffset, 1, 0) * scale_y;
    const double width = said.number_or(kOfxImageEffectPropProjectSize, 0, 0) * scale_x / aspect;
    const double height = said.number_or(kOfxImageEffectPropProjectSize, 1, 0) * scale_y;
    const auto fits = [](double place, double size) {
        return size >= 1 && size <= 32768 && std::fabs(place) < 1 << 24; // false for NaN as well
    };
    if (!fits(x, width) || !fits(y, height)) return otherwise;
    const auto pixel = [](double value) { return static_cast<int>(std::lround(value)); };
    return {pixel(x), pixel(y), pixel(x + width), pixel(y + height)};
}

OfxStatus render(const Instance& node, const Properties& in) {
    const Arguments asked(in);
    if (asked.window.empty()) return kOfxStatOK;
    const std::vector<Pass> passes = list_passes(node, asked);
    const Image output = node.output.image(asked.time);
    if (!output) throw StatusError(kOfxStatFailed, "the host gave no output picture");
    const bridge::MutablePicture result = find_result(node, output, asked.time);
    Progress progress(node);
    try {
        for (const Pass& pass : passes) {
            Drawing drawing(node, asked, pass, progress);
            if (asked.field != Field::None && pass.field == Field::None)
                draw_rows(drawing, result, asked.window, asked.field);
            else
                drawing.draw(result, asked.window);
        }
    } catch (const bridge::BridgeError&) {
        if (progress.cancelled()) throw StatusError(kOfxStatFailed); // the user knows why
        throw;
    }
    return kOfxStatOK;
}

} // namespace retempo::ofx

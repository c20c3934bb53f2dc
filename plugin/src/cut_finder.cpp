// How is a clip looked through? The worker makes a small picture of each frame, one frame at a time, and at
// the end finds the cuts among all of them.
#include "cut_finder.h"

#include <chrono>
#include <vector>

#include "bridge/client.h"
#include "progress.h"
#include "render.h"
#include "worker.h"

namespace retempo::ofx {
namespace {

using bridge::Bounds;

constexpr int kValues = 64 * 36;       // of a small picture, a row of which stands for a frame (PROTOCOL.md)
constexpr int64_t kMostFrames = 32768; // rows of a picture

// Rows of one channel, the first on top.
struct Rows {
    int width, count;
    std::vector<float> values;

    Rows(int width_, int count_)
        : width(width_), count(count_), values(static_cast<size_t>(width_) * static_cast<size_t>(count_)) {}

    template <class Picture>
    Picture picture() {
        Picture made;
        made.row_bytes = -static_cast<ptrdiff_t>(sizeof(float)) * width; // bounds count from below
        made.data = values.data() + static_cast<ptrdiff_t>(width) * (count - 1);
        made.bounds = {0, 0, width, count};
        made.components = bridge::Components::kAlpha;
        return made;
    }
};

class CutFinder {
  public:
    CutFinder(const Instance& node, const Properties& in)
        : node_(node), progress_(node), time_(in.number_or(kOfxPropTime, 0, 0)),
          scale_x_(in.number_or(kOfxImageEffectPropRenderScale, 0, 1)),
          scale_y_(in.number_or(kOfxImageEffectPropRenderScale, 1, 1)),
          settings_(find_settings(node, time_, false)) {}

    std::string find() {
        const FrameSpan span = node_.source.frames();
        const auto count = static_cast<double>(span.last - span.first + 1);
        std::vector<int64_t> numbers;
        std::vector<float> small;
        for (int64_t frame = span.first; frame <= span.last; ++frame) {
            Rows row(kValues, 1);
            if (!shrink(frame, row)) continue; // the command line skips missing files likewise
            numbers.push_back(frame);
            small.insert(small.end(), row.values.begin(), row.values.end());
            progress_.note(static_cast<double>(frame - span.first + 1) / count);
        }
        return numbers.size() < 2 ? "" : list(numbers, small);
    }

  private:
    // False where there is no picture.
    bool shrink(int64_t frame, Rows& row) {
        const Image image = node_.source.image(static_cast<double>(frame));
        if (!image) return false;
        const bridge::MutablePicture given = image.picture();
        if (given.data == nullptr || given.bounds.empty()) return false;
        bridge::Frame source;
        source.number = frame;
        source.picture = {given.data,  given.bounds,     given.row_bytes,
                          given.depth, given.components, given.alpha};
        ask(bridge::Output::kThumbnail, source, find_display(node_, scale_x_, scale_y_, given.bounds),
            row.picture<bridge::MutablePicture>());
        return true;
    }

    std::string list(const std::vector<int64_t>& numbers, const std::vector<float>& small) {
        Rows all(kValues, static_cast<int>(numbers.size())), begins(1, all.count);
        all.values = small;
        bridge::Frame source;
        source.picture = all.picture<bridge::Picture>();
        ask(bridge::Output::kCuts, source, all.picture<bridge::Picture>().bounds,
            begins.picture<bridge::MutablePicture>());
        std::string found;
        for (size_t i = 0; i < numbers.size(); ++i)
            if (begins.values[i] != 0) found += (found.empty() ? "" : ",") + std::to_string(numbers[i]);
        return found;
    }

    void ask(bridge::Output output, const bridge::Frame& frame, const Bounds& display,
             const bridge::MutablePicture& result) {
        bridge::Request request;
        request.kind = bridge::Kind::kShots;
        request.output = output;
        request.time = {frame.number, 1};
        request.frames = {frame};
        request.display = display;
        request.picture = result;
        request.window = result.bounds;
        request.settings = settings_;
        if (output == bridge::Output::kCuts) // a long clip takes its time; the user may call it off
            request.deadline = std::chrono::hours(1);
        worker().render(request, [this] { return !progress_.look(); });
    }

    const Instance& node_;
    Progress progress_;
    const double time_, scale_x_, scale_y_;
    const Settings settings_;
};

} // namespace

std::string find_cuts(const Instance& node, const Properties& in) {
    if (!node.source.connected())
        throw StatusError(kOfxStatFailed, "nothing is connected to the input " + node.source.name());
    if (!host().temporal_access)
        throw StatusError(kOfxStatFailed,
                          host().name + " hands plugins the current frame alone, so cuts cannot be looked "
                                        "for here; write them into Cuts");
    const FrameSpan span = node.source.frames();
    if (span.last - span.first >= kMostFrames)
        throw StatusError(kOfxStatFailed,
                          "the source has more than 32768 frames, or no end; write the cuts into Cuts");
    return CutFinder(node, in).find();
}

} // namespace retempo::ofx

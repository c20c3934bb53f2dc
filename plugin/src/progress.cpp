// How is the progress suite called? Started once, updated ten times a second, always ended.
#include "progress.h"

#include <algorithm>

#include "effects.h"
#include "host.h"

namespace retempo::ofx {
namespace {
constexpr std::chrono::milliseconds kPatience{1000}, kPause{100};
constexpr const char* kId = "retempoRender";
} // namespace

Progress::~Progress() {
    if (!open_) return;
    if (host().progress2 != nullptr)
        host().progress2->progressEnd(node_.handle);
    else
        host().progress1->progressEnd(node_.handle);
    node_.shows_progress = false;
}

bool Progress::look() {
    const Clock::time_point now = Clock::now();
    if (!tried_ && now - began_ >= kPatience) start();
    if (open_ && now - shown_ >= kPause) {
        shown_ = now;
        update();
    }
    return !cancelled_;
}

void Progress::start() {
    tried_ = true;
    const bool shows = host().progress2 != nullptr || host().progress1 != nullptr;
    if (!shows || host().quirks.no_progress || node_.shows_progress.exchange(true)) return;
    const OfxStatus status = host().progress2 != nullptr
                                 ? host().progress2->progressStart(node_.handle, node_.info.label, kId)
                                 : host().progress1->progressStart(node_.handle, node_.info.label);
    open_ = status == kOfxStatOK;
    if (!open_) node_.shows_progress = false;
}

void Progress::update() {
    const double value = std::clamp(done_, 0.0, 1.0);
    const OfxStatus status = host().progress2 != nullptr
                                 ? host().progress2->progressUpdate(node_.handle, value)
                                 : host().progress1->progressUpdate(node_.handle, value);
    cancelled_ = cancelled_ || status == kOfxStatReplyNo;
}

} // namespace retempo::ofx

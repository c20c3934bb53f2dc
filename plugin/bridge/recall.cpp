// How is a frame recognised without reading it? By a few of its bytes, and the name that the host gives it.
#include "bridge/recall.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "bridge/digest.h"

namespace retempo::bridge {
namespace {

constexpr char kIdentity = 'i', kSample = 's'; // first bytes of keys

template <class Number>
void append(std::string& key, Number value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    key.append(bytes, sizeof value);
}

std::string layout_key(const Picture& picture, const wire::Window& window) {
    std::string key(1, kSample);
    for (const int value : {static_cast<int>(picture.depth), picture.channels(),
                            static_cast<int>(picture.alpha), picture.row_bytes < 0 ? 1 : 0})
        append(key, value);
    append(key, window.x);
    append(key, window.y);
    append(key, window.width);
    append(key, window.height);
    return key;
}

} // namespace

Recall& Recall::instance() {
    static Recall recall;
    return recall;
}

std::optional<Recall::Noted> Recall::find(const std::string& key) {
    const std::lock_guard<std::mutex> guard(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
}

void Recall::note(const std::string& key, const wire::Digest& digest) {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (key.empty() || (!trusting_ && key.front() == kIdentity)) return;
    if (const auto found = places_.find(key); found != places_.end()) {
        Noted& noted = found->second->second;
        noted = {digest, noted.certain && noted.digest == digest};
        entries_.splice(entries_.begin(), entries_, found->second);
        return;
    }
    entries_.emplace_front(key, Noted{digest, true});
    places_.emplace(key, entries_.begin());
    if (entries_.size() <= kMost) return;
    places_.erase(entries_.back().first);
    entries_.pop_back();
}

void Recall::clear() {
    const std::lock_guard<std::mutex> guard(mutex_);
    places_.clear();
    entries_.clear();
}

void Recall::distrust() {
    clear();
    const std::lock_guard<std::mutex> guard(mutex_);
    trusting_ = false;
}

std::string identity_key(const std::string& identity, const std::string& sample) {
    return identity.empty() ? "" : std::string(1, kIdentity) + sample + identity;
}

std::string sample_key(const Picture& picture, const wire::Window& window) {
    constexpr size_t kPiece = 512;
    const int height = picture.bounds.height();
    const auto row = sample_bytes(picture.depth) * static_cast<size_t>(picture.channels()) *
                     static_cast<size_t>(picture.bounds.width());
    const size_t piece = std::min(row, kPiece);
    const int step = std::max(1, height / 100);
    std::vector<unsigned char> sample;
    sample.reserve((static_cast<size_t>(height / step) + 1) * piece + 4);
    for (int r = step / 2; r < height; r += step) { // pieces wander from row to row
        const auto* from = static_cast<const unsigned char*>(row_of(picture, picture.bounds, r)) +
                           static_cast<size_t>(r) * 7919 * 64 % (row - piece + 1);
        sample.insert(sample.end(), from, from + piece);
    }
    sample.resize((sample.size() + 3) / 4 * 4);
    FrameDigest digest(1, static_cast<uint32_t>(sample.size() / 4), 1, 0, 0);
    digest.add_row(0, sample.data());
    const wire::Digest found = digest.finish();
    return layout_key(picture, window).append(reinterpret_cast<const char*>(found.data()), found.size());
}

} // namespace retempo::bridge

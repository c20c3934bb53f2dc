// How do messages reach the node? Persistent where the host knows that, else once.
#include "message.h"

#include "host.h"

namespace retempo::ofx {
namespace {
constexpr const char* kId = "retempo";

// A format without arguments: Natron hands its va_list on as if it were the first of them, so that "%s"
// shows nothing of the text.
std::string as_format(const std::string& text) {
    std::string format;
    for (const char c : text) format += c == '%' ? std::string("%%") : std::string(1, c);
    return format;
}

} // namespace

void show_message(OfxImageEffectHandle node, const std::string& text) noexcept {
    try {
        if (host().message2 != nullptr)
            host().message2->setPersistentMessage(node, kOfxMessageError, kId, as_format(text).c_str());
        else if (host().message1 != nullptr)
            host().message1->message(node, kOfxMessageError, kId, as_format(text).c_str());
    } catch (...) { // no host: nobody to tell
    }
}

void show_text(OfxImageEffectHandle node, const std::string& text) noexcept {
    try {
        if (host().message2 != nullptr)
            host().message2->message(node, kOfxMessageMessage, kId, as_format(text).c_str());
        else if (host().message1 != nullptr)
            host().message1->message(node, kOfxMessageMessage, kId, as_format(text).c_str());
    } catch (...) { // no host: nobody to show it to
    }
}

void clear_message(OfxImageEffectHandle node) noexcept {
    try {
        if (host().message2 != nullptr) host().message2->clearPersistentMessage(node);
    } catch (...) {}
}

} // namespace retempo::ofx

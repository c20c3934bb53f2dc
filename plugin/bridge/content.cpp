// How is a frame recognised? By its name, or by a guess that all its pixels confirm.
#include "bridge/content.h"

#include <optional>

#include "bridge/frame_copy.h"
#include "bridge/recall.h"
#include "bridge/request_message.h"

namespace retempo::bridge {

Content recall_frames(const Request& request, wire::Render& message, const Watch& watch) {
    Content content;
    for (size_t i = 0; i < request.frames.size(); ++i) {
        const Picture picture = picture_of(request.frames[i]);
        wire::FrameEntry& entry = message.frames[i];
        content.samples.push_back(sample_key(picture, entry.window));
        content.identities.push_back(identity_key(request.frames[i].identity, content.samples[i]));
        Known known = Known::kNothing;
        const auto named = Recall::instance().find(content.identities[i]);
        if (named && named->certain) {
            entry.digest = named->digest;
            known = Known::kSurely;
        } else if (const auto sampled = Recall::instance().find(content.samples[i])) {
            entry.digest = sampled->certain ? sampled->digest : digest_picture(picture, entry.window, watch);
            known = sampled->certain ? Known::kGuess : Known::kSurely;
        }
        content.known.push_back(known);
    }
    return content;
}

bool check_guesses(const Request& request, wire::Render& message, Content& content, const Watch& watch) {
    bool right = true;
    for (size_t i = 0; i < request.frames.size(); ++i) {
        if (content.known[i] != Known::kGuess) continue;
        wire::FrameEntry& entry = message.frames[i];
        const wire::Digest digest =
            digest_picture(picture_of(request.frames[i]), entry.window, watch, Hands::kOne);
        right = right && digest == entry.digest;
        entry.digest = digest;
        content.known[i] = Known::kSurely;
    }
    return right;
}

void note_frames(const Content& content, const wire::Render& message) {
    for (size_t i = 0; i < message.frames.size(); ++i) {
        Recall::instance().note(content.identities[i], message.frames[i].digest);
        Recall::instance().note(content.samples[i], message.frames[i].digest);
    }
}

} // namespace retempo::bridge

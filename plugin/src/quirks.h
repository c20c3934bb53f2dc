// Where do hosts differ from what they say? One table; whoever finds another oddity adds a line and the
// reason.
#pragma once

#include <string>

namespace retempo::ofx {

struct Quirks {
    // MLT sets $OCIO for its own needs where the user has not; it says nothing about the pixels.
    bool own_ocio_variable = false;
    // MLT keeps one image for a clip whatever time is asked for, even should it claim otherwise.
    bool no_temporal_access = false;
    // MLT does not say which frames a clip has: its range is 0 to 0, while renders come at all times.
    bool no_frame_range = false;
    // The names that the host gives to images (kOfxImagePropUniqueIdentifier) do not change when the pixels
    // do: every visit reads all of them. Elsewhere a name is believed, together with the node, the clip, the
    // frame, the scale and a sample of the pixels, until a name is caught to have stood for other ones.
    bool unreliable_identifiers = false;
    // Natron begins to show progress when its main thread comes round to it; until then every update is
    // answered as if the user had pressed cancel. What the user cancels, `abort` knows there as well.
    bool no_progress = false;
};

// Natron lets its users choose what it calls itself, and says by this that it is Natron all the same.
inline constexpr const char* kIsNatron = "NatronOfxHostIsNatron";

// By the host's OfxPropName, in lower case.
inline Quirks find_quirks(std::string name) {
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    Quirks quirks;
    if (name.find("mlt") != std::string::npos) {
        quirks.own_ocio_variable = quirks.no_temporal_access = true;
        quirks.no_frame_range = quirks.unreliable_identifiers = true;
    }
    if (name.find("natron") != std::string::npos) quirks.no_progress = true;
    // one name for all pictures
    if (name.find("tactview") != std::string::npos) quirks.unreliable_identifiers = true;
    return quirks;
}

} // namespace retempo::ofx

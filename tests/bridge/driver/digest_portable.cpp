// Is the digest the same without the vectors of this machine?
#define RETEMPO_DIGEST_PORTABLE
#define FrameDigest PortableDigest // another class: both are in one program
#include "bridge/digest.h"

#include "driver.h"

namespace driver {

retempo::bridge::wire::Digest portable_digest(const retempo::bridge::wire::Window& window, uint32_t channels,
                                              const float* pixels) {
    retempo::bridge::PortableDigest digest(channels, window.width, window.height, window.x, window.y);
    for (uint32_t r = 0; r < window.height; ++r)
        digest.add_row(r, pixels + size_t{r} * channels * window.width);
    return digest.finish();
}

} // namespace driver

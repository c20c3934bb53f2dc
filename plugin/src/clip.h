// What is connected, and which pictures does it give?
#pragma once

#include <string>

#include "bridge/pixels.h"
#include "fields.h"
#include "ofx_api.h"
#include "source_time.h"

namespace retempo::ofx {

// A picture on loan from the host; given back when it goes out of scope.
class Image {
  public:
    Image() = default;
    explicit Image(OfxPropertySetHandle image) : image_(image) {}
    Image(Image&& other) noexcept : image_(other.image_) { other.image_ = nullptr; }
    Image& operator=(Image&& other) noexcept;
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;
    ~Image();

    explicit operator bool() const { return image_ != nullptr; }
    // Where its pixels are and what they are. Throws StatusError for what no OpenFX host should give.
    bridge::MutablePicture picture() const;
    // Which single field it holds; no field: a whole frame, interlaced or not.
    Field field() const;
    // The host's own name for these pixels; empty where it gives none.
    std::string identifier() const;

  private:
    OfxPropertySetHandle image_ = nullptr;
};

class Clip {
  public:
    Clip() = default;
    // Nothing is wrong with a clip that was not defined: it is not connected, then.
    Clip(OfxImageEffectHandle instance, const char* name);

    bool connected() const;
    FrameSpan frames() const;
    std::string components() const;
    std::string depth() const;
    double aspect() const;           // width of a pixel by its height; 0 where the host does not say
    Field first_field() const;       // of the two in a frame; no field where frames are progressive
    bool has_colour() const;         // no mask, and not of alpha alone
    std::string colourspace() const; // empty where the host manages no colour
    // No image: black and transparent.
    Image image(double time) const;
    // False where there is no picture.
    bool region(double time, OfxRectD& rect) const;
    const std::string& name() const { return name_; }

  private:
    std::string name_;
    OfxImageClipHandle clip_ = nullptr;
    OfxPropertySetHandle properties_ = nullptr;
};

// Of OfxImageEffectActionDescribeInContext.
void define_clip(OfxImageEffectHandle effect, const char* name, const char* label, bool optional,
                 bool rgba_only);

} // namespace retempo::ofx

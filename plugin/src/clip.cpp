// How are clips and images of the host turned into what the bridge reads and writes?
#include "clip.h"

#include <cmath>
#include <cstdlib>

#include "properties.h"

namespace retempo::ofx {
namespace {

bridge::Depth find_depth(const std::string& name) {
    if (name == kOfxBitDepthByte) return bridge::Depth::kByte;
    if (name == kOfxBitDepthShort) return bridge::Depth::kShort;
    if (name == kOfxBitDepthHalf) return bridge::Depth::kHalf;
    if (name == kOfxBitDepthFloat) return bridge::Depth::kFloat;
    throw StatusError(kOfxStatErrImageFormat, "the host handed over a picture of the depth " + name);
}

bridge::Components find_components(const std::string& name) {
    if (name == kOfxImageComponentRGBA) return bridge::Components::kRGBA;
    if (name == kOfxImageComponentRGB) return bridge::Components::kRGB;
    if (name == kOfxImageComponentAlpha) return bridge::Components::kAlpha;
    throw StatusError(kOfxStatErrImageFormat, "the host handed over a picture with the components " + name);
}

bridge::AlphaState find_alpha(const std::string& name) {
    if (name == kOfxImageUnPreMultiplied) return bridge::AlphaState::kUnpremultiplied;
    if (name == kOfxImageOpaque) return bridge::AlphaState::kOpaque;
    return bridge::AlphaState::kPremultiplied;
}

} // namespace

Image& Image::operator=(Image&& other) noexcept {
    std::swap(image_, other.image_);
    return *this;
}

Image::~Image() {
    if (image_ != nullptr) host().effect->clipReleaseImage(image_);
}

bridge::MutablePicture Image::picture() const {
    const Properties image(image_);
    bridge::MutablePicture picture;
    picture.data = image.pointer(kOfxImagePropData);
    picture.bounds = {image.integer(kOfxImagePropBounds, 0), image.integer(kOfxImagePropBounds, 1),
                      image.integer(kOfxImagePropBounds, 2), image.integer(kOfxImagePropBounds, 3)};
    picture.row_bytes = image.integer(kOfxImagePropRowBytes);
    picture.depth = find_depth(image.text(kOfxImageEffectPropPixelDepth));
    picture.components = find_components(image.text(kOfxImageEffectPropComponents));
    picture.alpha = find_alpha(image.text_or(kOfxImageEffectPropPreMultiplication, ""));
    // hosts that always make bytes say so in the length of a row, whatever the depth is called
    const auto row = static_cast<ptrdiff_t>(bridge::sample_bytes(picture.depth)) * picture.channels() *
                     picture.bounds.width();
    if (picture.bounds.height() > 1 && std::abs(picture.row_bytes) < row)
        throw StatusError(
            kOfxStatErrImageFormat,
            "the host handed over a picture whose rows are too short for its depth and channels");
    return picture;
}

Field Image::field() const { return find_field(Properties(image_).text_or(kOfxImagePropField, "")); }

std::string Image::identifier() const {
    return Properties(image_).text_or(kOfxImagePropUniqueIdentifier, "");
}

Clip::Clip(OfxImageEffectHandle instance, const char* name) : name_(name) {
    if (host().effect->clipGetHandle(instance, name, &clip_, &properties_) != kOfxStatOK) clip_ = nullptr;
}

bool Clip::connected() const {
    return clip_ != nullptr && Properties(properties_).integer_or(kOfxImageClipPropConnected, 0) != 0;
}

FrameSpan Clip::frames() const {
    constexpr auto kFar = static_cast<double>(FrameSpan::kFar);
    if (host().quirks.no_frame_range) return {0, FrameSpan::kFar};
    const Properties said(properties_);
    const double first = said.number_or(kOfxImageEffectPropFrameRange, 0, 0);
    const double last = said.number_or(kOfxImageEffectPropFrameRange, 1, first);
    const int64_t end = last < kFar ? std::llround(last) : FrameSpan::kFar;
    if (!(first > -kFar)) return {last < kFar ? end : 0, end}; // no beginning either: played from 0
    const int64_t start = std::llround(first);
    return {start, end < start ? start : end};
}

std::string Clip::components() const {
    return Properties(properties_).text_or(kOfxImageEffectPropComponents, "");
}

std::string Clip::depth() const { return Properties(properties_).text_or(kOfxImageEffectPropPixelDepth, ""); }

double Clip::aspect() const { return Properties(properties_).number_or(kOfxImagePropPixelAspectRatio, 0, 0); }

Field Clip::first_field() const {
    return find_field(Properties(properties_).text_or(kOfxImageClipPropFieldOrder, ""));
}

bool Clip::has_colour() const {
    return Properties(properties_).integer_or(kOfxImageClipPropIsMask, 0) == 0 &&
           components() != kOfxImageComponentAlpha;
}

std::string Clip::colourspace() const {
    return Properties(properties_).text_or(kOfxImageClipPropColourspace, "");
}

Image Clip::image(double time) const {
    OfxPropertySetHandle image = nullptr;
    const OfxStatus status = host().effect->clipGetImage(clip_, time, nullptr, &image);
    if (status == kOfxStatFailed) return Image();
    check(status);
    return Image(image);
}

bool Clip::region(double time, OfxRectD& rect) const {
    return clip_ != nullptr && host().effect->clipGetRegionOfDefinition(clip_, time, &rect) == kOfxStatOK &&
           rect.x2 > rect.x1 && rect.y2 > rect.y1;
}

void define_clip(OfxImageEffectHandle effect, const char* name, const char* label, bool optional,
                 bool rgba_only) {
    OfxPropertySetHandle handle = nullptr;
    check(host().effect->clipDefine(effect, name, &handle));
    const Properties made(handle);
    made.set(kOfxPropLabel, label);
    if (rgba_only)
        made.set(kOfxImageEffectPropSupportedComponents, {kOfxImageComponentRGBA});
    else
        made.set(kOfxImageEffectPropSupportedComponents,
                 {kOfxImageComponentRGBA, kOfxImageComponentRGB, kOfxImageComponentAlpha});
    made.set(kOfxImageEffectPropTemporalClipAccess, 1).set(kOfxImageEffectPropSupportsTiles, 0);
    made.set(kOfxImageClipPropOptional, optional ? 1 : 0);
    made.set(kOfxImageClipPropFieldExtraction, kOfxImageFieldBoth); // fields are taken out of frames here
}

} // namespace retempo::ofx

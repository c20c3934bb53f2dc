// How does the colour management of OpenFX 1.5, or the lack of it, become settings of the worker?
#include "colour.h"

#include <algorithm>
#include <cstdlib>

#include "effects.h"

namespace retempo::ofx {
namespace {

Properties properties_of(const Instance& node) {
    OfxPropertySetHandle set = nullptr;
    check(host().effect->getPropertySet(node.handle, &set));
    return Properties(set);
}

// The config that ofx-native-v1.5_aces-v1.3_ocio-v2.3 is made from; OpenColorIO has it built in. Its spaces
// are those of the styles Core and Full, but for the basic ones, each of which stands for a family.
constexpr const char* kNativeConfig = "ocio://studio-config-v2.1.0_aces-v1.3_ocio-v2.3";
// For pixels of no known space: what the command line takes files of whole numbers for.
constexpr const char* kIntegerPixels = "integer pixels";

// A space of the native config, one of the same kind for a basic space; none for what is no colour.
std::string find_native_space(const std::string& space) {
    if (space == kOfxColourspaceOfxRaw) return "";
    if (space == kOfxColourspaceOfxSceneLinear) return "scene_linear";
    if (space == kOfxColourspaceOfxSceneLog) return "ACEScct";
    if (space == kOfxColourspaceOfxDisplaySdr) return "sRGB - Display";
    if (space == kOfxColourspaceOfxDisplayHdr) return "Rec.2100-PQ - Display";
    return space;
}

std::string style_of(const Instance& node) {
    return properties_of(node).text_or(kOfxImageEffectPropColourManagementStyle,
                                       kOfxImageEffectColourManagementNone);
}

bool has(const Settings& settings, const char* name) {
    return std::any_of(settings.begin(), settings.end(),
                       [name](const auto& one) { return one.first == name; });
}

void add(Settings& settings, const char* name, const std::string& value) {
    if (!value.empty() && !has(settings, name)) settings.emplace_back(name, value);
}

} // namespace

void describe_colour(const Properties& effect) {
    effect.set(kOfxImageEffectPropColourManagementStyle, kOfxImageEffectColourManagementOCIO);
    effect.set(kOfxImageEffectPropColourManagementAvailableConfigs, kOfxConfigIdentifier);
}

void prefer_colourspaces(const Instance& node, const Properties& out) {
    const std::string style = style_of(node);
    if (style == kOfxImageEffectColourManagementNone) return;
    const auto prefer = [&](const Clip& clip, const std::string& space) {
        if (clip.connected() && clip.has_colour())
            out.set((kClipColourspaces + clip.name()).c_str(), space.c_str());
    };
    for (const Clip* data : {&node.vectors, &node.depth, &node.matte}) prefer(*data, kOfxColourspaceOfxRaw);
    if (node.second != nullptr)
        prefer(*node.second, std::string(kColourspaceOfClip) + kOfxImageEffectSimpleSourceClipName);
    if (style != kOfxImageEffectColourManagementOCIO) // there the worker knows every space that the host does
        prefer(node.source, kOfxColourspaceOfxSceneLinear);
}

void add_colour_settings(const Instance& node, Settings& settings) {
    const std::string style = style_of(node);
    if (style != kOfxImageEffectColourManagementNone && !has(settings, "config")) {
        const bool ocio = style == kOfxImageEffectColourManagementOCIO;
        const std::string space = node.source.colourspace();
        add(settings, "config",
            ocio ? properties_of(node).text_or(kOfxImageEffectPropOCIOConfig, "") : kNativeConfig);
        if (has(settings, "config")) add(settings, "input_space", ocio ? space : find_native_space(space));
    }
    const char* variable = std::getenv("OCIO");
    if (variable != nullptr && !host().quirks.own_ocio_variable) add(settings, "config", variable);
    const std::string depth = node.source.depth();
    if (style == kOfxImageEffectColourManagementNone &&
        (depth == kOfxBitDepthByte || depth == kOfxBitDepthShort))
        add(settings, "input_space", kIntegerPixels);
}

OfxStatus output_colourspace(const Instance& node, double time, const Properties& out) {
    const std::string source = std::string(kColourspaceOfClip) + kOfxImageEffectSimpleSourceClipName;
    const bool picture = node.shows_picture(time);
    out.answer(kOfxImageClipPropColourspace, picture ? source.c_str() : kOfxColourspaceOfxRaw);
    return kOfxStatOK;
}

} // namespace retempo::ofx

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
    if (style == kOfxImageEffectColourManagementNone || style == kOfxImageEffectColourManagementOCIO) return;
    const std::string source = std::string(kClipColourspaces) + kOfxImageEffectSimpleSourceClipName;
    out.set(source.c_str(), kOfxColourspaceOfxSceneLinear);
}

void add_colour_settings(const Instance& node, Settings& settings) {
    if (style_of(node) == kOfxImageEffectColourManagementOCIO && !has(settings, "config")) {
        add(settings, "config", properties_of(node).text_or(kOfxImageEffectPropOCIOConfig, ""));
        if (has(settings, "config")) add(settings, "input_space", node.source.colourspace());
    }
    const char* variable = std::getenv("OCIO");
    if (variable != nullptr && !host().quirks.own_ocio_variable) add(settings, "config", variable);
}

} // namespace retempo::ofx

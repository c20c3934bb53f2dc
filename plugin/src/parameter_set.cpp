// How do lines of the table become parameters of the host, and their values the worker's settings?
#include "parameter_set.h"

#include <charconv>
#include <cstring>

#include "properties.h"

namespace retempo::ofx {
namespace {

constexpr const char* kTimingOfRetimer[] = {"timing", "speed", "frame", "fpsIn", "fpsOut"};
constexpr const char* kOfWriting[] = {"vectorPreset", "vectorMax"};
constexpr const char* kOfVectors = "vector"; // vectorPreset, vectorScale, ...
constexpr const char* kOfDepth = "depth";    // depth, depthConvention
constexpr const char* kOfMatte = "matte";    // matteChannel, matteInvert
constexpr const char* kOutputsOfMatte[] = {"foreground", "background", "matte"}; // last on the list

template <size_t N>
bool is_one_of(const char* name, const char* const (&names)[N]) {
    for (const char* one : names)
        if (std::strcmp(name, one) == 0) return true;
    return false;
}

bool begins_with(const char* name, const char* head) {
    return std::strncmp(name, head, std::strlen(head)) == 0;
}

std::string group_name(const char* group) { return std::string(group) + "Group"; }

const char* type_name(ParameterType type) {
    switch (type) {
    case ParameterType::Double:
        return kOfxParamTypeDouble;
    case ParameterType::Int:
        return kOfxParamTypeInteger;
    case ParameterType::Boolean:
        return kOfxParamTypeBoolean;
    case ParameterType::Choice:
        return kOfxParamTypeChoice;
    case ParameterType::String:
        return kOfxParamTypeString;
    case ParameterType::Button:
        return kOfxParamTypePushButton;
    }
    return kOfxParamTypeDouble;
}

std::vector<const char*> list_labels(const Parameter& parameter, unsigned effect, Context context) {
    std::vector<const char*> labels;
    for (int i = 0; i < offered_choices(parameter, effect, context); ++i)
        labels.push_back(parameter.choices[i].label);
    return labels;
}

void define(OfxParamSetHandle set, const Parameter& parameter, unsigned effect, Context context) {
    OfxPropertySetHandle handle = nullptr;
    check(host().parameter->paramDefine(set, type_name(parameter.type), parameter.name, &handle));
    const Properties made(handle);
    made.set(kOfxPropLabel, parameter.label).set(kOfxParamPropHint, parameter.hint);
    made.set(kOfxParamPropParent, group_name(parameter.group).c_str());
    if (parameter.type == ParameterType::Button) return;
    if (!parameter.animates) made.set(kOfxParamPropAnimates, 0); // the default is 1
    // an animated speed is integrated: changing a key changes all frames behind it
    if (parameter.animates) made.set(kOfxParamPropCacheInvalidation, kOfxParamInvalidateAll);
    const auto whole = [](double value) { return static_cast<int>(value); };
    switch (parameter.type) {
    case ParameterType::Double:
        made.set(kOfxParamPropDefault, parameter.number);
        made.set(kOfxParamPropMin, parameter.low).set(kOfxParamPropMax, parameter.high);
        made.set(kOfxParamPropDisplayMin, parameter.displayLow)
            .set(kOfxParamPropDisplayMax, parameter.displayHigh);
        made.set(kOfxParamPropDigits, 3).set(kOfxParamPropIncrement, 0.01);
        break;
    case ParameterType::Int:
        made.set(kOfxParamPropDefault, whole(parameter.number));
        made.set(kOfxParamPropMin, whole(parameter.low)).set(kOfxParamPropMax, whole(parameter.high));
        made.set(kOfxParamPropDisplayMin, whole(parameter.displayLow));
        made.set(kOfxParamPropDisplayMax, whole(parameter.displayHigh));
        break;
    case ParameterType::Boolean:
        made.set(kOfxParamPropDefault, whole(parameter.number));
        break;
    case ParameterType::Choice:
        made.set(kOfxParamPropChoiceOption, list_labels(parameter, effect, context));
        made.set(kOfxParamPropDefault, whole(parameter.number));
        break;
    case ParameterType::Button:
        break;
    case ParameterType::String:
        if (parameter.file) // the default is a single line, and empty
            made.set(kOfxParamPropStringMode, kOfxParamStringIsFilePath)
                .set(kOfxParamPropStringFilePathExists, 0); // ocio://... is none
        if (parameter.line) // what it says changes no picture and is not saved
            made.set(kOfxParamPropStringMode, kOfxParamStringIsLabel)
                .set(kOfxParamPropEvaluateOnChange, 0)
                .set(kOfxParamPropPersistant, 0);
        if (parameter.text[0] != '\0') made.set(kOfxParamPropDefault, parameter.text);
        break;
    }
}

// False where the host has such a parameter but no value for it: some implement a few types only.
template <class Value>
bool read(OfxParamHandle handle, double time, Value* value) {
    const OfxStatus status = host().parameter->paramGetValueAtTime(handle, time, value);
    if (status == kOfxStatErrMissingHostFeature || status == kOfxStatErrUnsupported) return false;
    check(status);
    return true;
}

// Shortest text that reads back as the same number, with a point whatever the locale.
std::string decimal(double value) {
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, value);
    return std::string(text, end.ptr);
}

} // namespace

Context find_context(const std::string& name) {
    if (name == kOfxImageEffectContextRetimer) return Context::Retimer;
    if (name == kOfxImageEffectContextGeneral) return Context::General;
    if (name == kOfxImageEffectContextFilter) return Context::Filter;
    throw StatusError(kOfxStatErrUnsupported);
}

bool is_offered(const Parameter& parameter, unsigned effect, Context context) {
    if ((parameter.effects & effect) == 0) return false;
    if (context == Context::Retimer && is_one_of(parameter.name, kTimingOfRetimer)) return false;
    // the vectors effect has no such inputs, but writes in a convention
    if (effect == kVectors && is_one_of(parameter.name, kOfWriting)) return true;
    if (begins_with(parameter.name, kOfVectors)) return context != Context::Filter && effect != kVectors;
    if (begins_with(parameter.name, kOfDepth) || begins_with(parameter.name, kOfMatte))
        return context != Context::Filter && effect != kVectors;
    return true;
}

int offered_choices(const Parameter& parameter, unsigned effect, Context context) {
    int count = parameter.choiceCount;
    if ((context == Context::Filter || effect == kVectors) && std::strcmp(parameter.name, "flow") == 0)
        while (count > 1 && std::strstr(parameter.choices[count - 1].value, "vectors") != nullptr) --count;
    if (context == Context::Filter && std::strcmp(parameter.name, "output") == 0)
        while (count > 1 && is_one_of(parameter.choices[count - 1].value, kOutputsOfMatte)) --count;
    return count;
}

void define_parameters(OfxParamSetHandle set, unsigned effect, Context context) {
    OfxPropertySetHandle unused = nullptr; // the oldest hosts write it whether it is asked for or not
    if (context == Context::Retimer)
        check(host().parameter->paramDefine(set, kOfxParamTypeDouble, kOfxImageEffectRetimerParamName,
                                            &unused));
    for (const ParameterGroup& group : kParameterGroups) {
        bool made = false;
        for (const Parameter& parameter : kParameters) {
            if (std::strcmp(parameter.group, group.name) != 0 || !is_offered(parameter, effect, context))
                continue;
            if (!made) {
                OfxPropertySetHandle handle = nullptr;
                const std::string name = group_name(group.name);
                check(host().parameter->paramDefine(set, kOfxParamTypeGroup, name.c_str(), &handle));
                const bool open =
                    std::strcmp(group.name, "timing") == 0 || std::strcmp(group.name, "output") == 0;
                Properties(handle).set(kOfxPropLabel, group.label).set(kOfxParamPropGroupOpen, open ? 1 : 0);
                made = true;
            }
            define(set, parameter, effect, context);
        }
    }
}

ParameterSet::ParameterSet(OfxImageEffectHandle instance, unsigned effect, Context context) {
    OfxParamSetHandle set = nullptr;
    check(host().effect->getParamSet(instance, &set));
    for (size_t i = 0; i < kCount; ++i)
        if (is_offered(kParameters[i], effect, context) &&
            host().parameter->paramGetHandle(set, kParameters[i].name, &handles_[i], nullptr) != kOfxStatOK)
            handles_[i] = nullptr; // the host does not make this type: the default counts
    if (context == Context::Retimer)
        check(host().parameter->paramGetHandle(set, kOfxImageEffectRetimerParamName, &source_time_, nullptr));
}

size_t ParameterSet::find(const char* name) const {
    for (size_t i = 0; i < kCount; ++i)
        if (std::strcmp(kParameters[i].name, name) == 0) return i;
    throw StatusError(kOfxStatFailed, std::string("this build has no parameter ") + name);
}

double ParameterSet::number(const char* name, double time) const {
    const size_t i = find(name);
    if (handles_[i] == nullptr) return kParameters[i].number;
    if (kParameters[i].type == ParameterType::Double) {
        double value = 0;
        return read(handles_[i], time, &value) ? value : kParameters[i].number;
    }
    int value = 0;
    return read(handles_[i], time, &value) ? value : kParameters[i].number;
}

const char* ParameterSet::choice(const char* name, double time) const {
    const Parameter& parameter = kParameters[find(name)];
    const auto index = static_cast<int>(number(name, time));
    if (index < 0 || index >= parameter.choiceCount)
        throw StatusError(kOfxStatFailed,
                          std::string(parameter.label) + " has a value that is not on its list");
    return parameter.choices[index].value;
}

std::string ParameterSet::text(const char* name, double time) const {
    const size_t i = find(name);
    if (handles_[i] == nullptr) return kParameters[i].text;
    char* value = nullptr;
    if (!read(handles_[i], time, &value)) return kParameters[i].text;
    return value == nullptr ? "" : value;
}

unsigned ParameterSet::keys(const char* name) const {
    const OfxParamHandle handle = handles_[find(name)];
    unsigned count = 0;
    return handle != nullptr && host().parameter->paramGetNumKeys(handle, &count) == kOfxStatOK ? count : 0;
}

bool ParameterSet::animated(const char* name) const {
    const OfxParamHandle handle = handles_[find(name)];
    const unsigned count = keys(name);
    if (handle == nullptr || count > 1) return count > 1;
    OfxPropertySetHandle set = nullptr;
    if (host().parameter->paramGetPropertySet(handle, &set) != kOfxStatOK) return count > 0;
    return Properties(set).integer_or(kOfxParamPropIsAnimating, 0) != 0;
}

void ParameterSet::enable(const char* name, bool enabled) const {
    const OfxParamHandle handle = handles_[find(name)];
    OfxPropertySetHandle set = nullptr;
    if (handle == nullptr || host().parameter->paramGetPropertySet(handle, &set) != kOfxStatOK) return;
    const Properties parameter(set);
    const int wanted = enabled ? 1 : 0; // hosts redraw their panel at each write, needed or not
    if (parameter.integer_or(kOfxParamPropEnabled, 1 - wanted) != wanted)
        parameter.set(kOfxParamPropEnabled, wanted);
}

void ParameterSet::write(const char* name, const std::string& value) const {
    const OfxParamHandle handle = handles_[find(name)];
    if (handle == nullptr || text(name, 0) == value) return;
    host().parameter->paramSetValue(handle, value.c_str());
}

double ParameterSet::source_time(double time) const {
    double value = 0;
    check(host().parameter->paramGetValueAtTime(source_time_, time, &value));
    return value;
}

Settings ParameterSet::settings(double time) const {
    Settings made;
    for (size_t i = 0; i < kCount; ++i) {
        const Parameter& parameter = kParameters[i];
        if (handles_[i] == nullptr || parameter.setting[0] == '\0') continue;
        std::string value;
        switch (parameter.type) {
        case ParameterType::Choice:
            value = choice(parameter.name, time);
            break;
        case ParameterType::String:
            value = text(parameter.name, time);
            break;
        default: {
            const double found = number(parameter.name, time);
            if (found == parameter.number) continue;
            if (parameter.type == ParameterType::Boolean)
                value = found != 0 ? "true" : "false";
            else
                value = decimal(found);
        }
        }
        if (parameter.always || value != parameter.text) made.emplace_back(parameter.setting, value);
    }
    return made;
}

} // namespace retempo::ofx

// What does it cost a host to list the effects of a bundle? The smallest host that can: properties are kept
// in a hash table, everything is accepted, calls are counted.
//
//     describe_driver Retempo.ofx [repeats]
//
// A line of JSON for each effect: calls into the host and microseconds (the least of all repeats) of Load,
// Describe and DescribeInContext in every context that the effect has.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <dlfcn.h>
#include <string>
#include <unordered_map>
#include <vector>

#include "ofx_api.h"

struct OfxPropertySetStruct {
    std::unordered_map<std::string, std::vector<std::string>> texts;
    std::unordered_map<std::string, std::vector<double>> numbers;
};

namespace {

using Set = OfxPropertySetHandle;
long calls = 0, definitions = 0;       // of parameters, groups and clips
std::deque<OfxPropertySetStruct> sets; // addresses stay
OfxPropertySetStruct effect;

template <class List, class Value>
void put(List& list, int index, Value value) {
    const auto at = static_cast<size_t>(index);
    if (list.size() <= at) list.resize(at + 1);
    list[at] = value;
}

OfxStatus set_pointer(Set, const char*, int, void*) { return ++calls, kOfxStatOK; }
OfxStatus set_string(Set set, const char* name, int index, const char* value) {
    ++calls;
    put(set->texts[name], index, value);
    return kOfxStatOK;
}
OfxStatus set_double(Set set, const char* name, int index, double value) {
    ++calls;
    put(set->numbers[name], index, value);
    return kOfxStatOK;
}
OfxStatus set_int(Set set, const char* name, int index, int value) {
    return set_double(set, name, index, value);
}
OfxStatus set_pointers(Set, const char*, int, void* const*) { return ++calls, kOfxStatOK; }
OfxStatus set_strings(Set set, const char* name, int count, const char* const* values) {
    ++calls;
    set->texts[name].assign(values, values + count);
    return kOfxStatOK;
}
OfxStatus set_doubles(Set set, const char* name, int count, const double* values) {
    ++calls;
    set->numbers[name].assign(values, values + count);
    return kOfxStatOK;
}
OfxStatus set_ints(Set set, const char* name, int count, const int* values) {
    ++calls;
    set->numbers[name].assign(values, values + count);
    return kOfxStatOK;
}
OfxStatus get_pointer(Set, const char*, int, void**) { return ++calls, kOfxStatErrUnknown; }
OfxStatus get_string(Set set, const char* name, int index, char** value) {
    ++calls;
    const auto found = set->texts.find(name);
    if (found == set->texts.end() || index >= static_cast<int>(found->second.size()))
        return kOfxStatErrUnknown;
    *value = found->second[static_cast<size_t>(index)].data();
    return kOfxStatOK;
}
OfxStatus get_double(Set, const char*, int, double*) { return ++calls, kOfxStatErrUnknown; }
OfxStatus get_int(Set, const char*, int, int*) { return ++calls, kOfxStatErrUnknown; }
OfxStatus get_pointers(Set, const char*, int, void**) { return ++calls, kOfxStatErrUnknown; }
OfxStatus get_strings(Set, const char*, int, char**) { return ++calls, kOfxStatErrUnknown; }
OfxStatus get_doubles(Set, const char*, int, double*) { return ++calls, kOfxStatErrUnknown; }
OfxStatus get_ints(Set, const char*, int, int*) { return ++calls, kOfxStatErrUnknown; }
OfxStatus reset(Set, const char*) { return ++calls, kOfxStatOK; }
OfxStatus get_dimension(Set, const char*, int*) { return ++calls, kOfxStatErrUnknown; }

const OfxPropertySuiteV1 property_suite = {set_pointer, set_string,  set_double,   set_int,     set_pointers,
                                           set_strings, set_doubles, set_ints,     get_pointer, get_string,
                                           get_double,  get_int,     get_pointers, get_strings, get_doubles,
                                           get_ints,    reset,       get_dimension};

OfxStatus get_property_set(OfxImageEffectHandle, Set* set) {
    ++calls;
    *set = &effect;
    return kOfxStatOK;
}
OfxStatus get_param_set(OfxImageEffectHandle, OfxParamSetHandle* set) {
    ++calls;
    *set = reinterpret_cast<OfxParamSetHandle>(&effect);
    return kOfxStatOK;
}
OfxStatus define(Set* set) {
    ++calls;
    ++definitions;
    sets.emplace_back();
    if (set != nullptr) *set = &sets.back();
    return kOfxStatOK;
}
OfxStatus define_clip(OfxImageEffectHandle, const char*, Set* set) { return define(set); }
OfxStatus define_parameter(OfxParamSetHandle, const char*, const char*, Set* set) { return define(set); }

OfxImageEffectSuiteV1 effect_suite{};
OfxParameterSuiteV1 parameter_suite{};

const void* fetch_suite(Set, const char* name, int version) {
    ++calls;
    const std::string wanted = name;
    if (wanted == kOfxPropertySuite && version == 1) return &property_suite;
    if (wanted == kOfxImageEffectSuite && version == 1) return &effect_suite;
    if (wanted == kOfxParameterSuite && version == 1) return &parameter_suite;
    return nullptr;
}

// Load, describe in every context, unload. Microseconds.
double list_effect(OfxPlugin& plugin, OfxHost& host) {
    effect = {};
    sets.clear();
    const auto began = std::chrono::steady_clock::now();
    plugin.setHost(&host);
    bool good = plugin.mainEntry(kOfxActionLoad, nullptr, nullptr, nullptr) == kOfxStatOK &&
                plugin.mainEntry(kOfxActionDescribe, &effect, nullptr, nullptr) == kOfxStatOK;
    for (const std::string& context : effect.texts[kOfxImageEffectPropSupportedContexts]) {
        OfxPropertySetStruct in;
        in.texts[kOfxImageEffectPropContext] = {context};
        good = good &&
               plugin.mainEntry(kOfxImageEffectActionDescribeInContext, &effect, &in, nullptr) == kOfxStatOK;
    }
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - began;
    plugin.mainEntry(kOfxActionUnload, nullptr, nullptr, nullptr);
    if (!good) std::exit(2);
    return took.count();
}

} // namespace

int main(int count, char** words) {
    void* library = count > 1 ? dlopen(words[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
    if (library == nullptr) return std::fprintf(stderr, "%s\n", count > 1 ? dlerror() : "which binary?"), 1;
    const auto number = reinterpret_cast<int (*)()>(dlsym(library, "OfxGetNumberOfPlugins"));
    const auto get = reinterpret_cast<OfxPlugin* (*)(int)>(dlsym(library, "OfxGetPlugin"));
    effect_suite.getPropertySet = get_property_set;
    effect_suite.getParamSet = get_param_set;
    effect_suite.clipDefine = define_clip;
    parameter_suite.paramDefine = define_parameter;
    OfxPropertySetStruct itself;
    OfxHost host{&itself, fetch_suite};
    const int repeats = count > 2 ? std::atoi(words[2]) : 1;
    for (int i = 0; i < number(); ++i) {
        OfxPlugin& plugin = *get(i);
        double least = 1e9;
        for (int r = 0; r < repeats; ++r) {
            calls = definitions = 0;
            least = std::min(least, list_effect(plugin, host));
        }
        std::printf("{\"effect\": \"%s\", \"calls\": %ld, \"definitions\": %ld, \"microseconds\": %.1f}\n",
                    plugin.pluginIdentifier, calls, definitions, least);
    }
    return 0;
}

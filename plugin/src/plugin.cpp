// What does the bundle export? Three functions of C, and a struct for each effect.
#include <array>
#include <utility>

#include "host.h"
#include "main_entry.h"

#if defined(_WIN32)
#define RETEMPO_EXPORT __declspec(dllexport)
#else
#define RETEMPO_EXPORT __attribute__((visibility("default")))
#endif

namespace retempo::ofx {
namespace {

template <size_t N>
OfxStatus entry(const char* action, const void* handle, OfxPropertySetHandle in, OfxPropertySetHandle out) {
    return main_entry(kEffects[N], action, handle, in, out);
}

template <size_t... N>
std::array<OfxPlugin, sizeof...(N)> list_plugins(std::index_sequence<N...>) {
    return {OfxPlugin{kOfxImageEffectPluginApi, kOfxImageEffectPluginApiVersion, kEffects[N].identifier,
                      RETEMPO_VERSION_MAJOR, RETEMPO_VERSION_MINOR, set_host, entry<N>}...};
}

} // namespace
} // namespace retempo::ofx

extern "C" {

RETEMPO_EXPORT int OfxGetNumberOfPlugins() { return retempo::ofx::kEffectCount; }

RETEMPO_EXPORT OfxPlugin* OfxGetPlugin(int nth) {
    static auto plugins = retempo::ofx::list_plugins(std::make_index_sequence<retempo::ofx::kEffectCount>());
    return nth >= 0 && nth < retempo::ofx::kEffectCount ? &plugins[static_cast<size_t>(nth)] : nullptr;
}

// Newer hosts say who they are before they ask for plugins.
RETEMPO_EXPORT OfxStatus OfxSetHost(const OfxHost* host) {
    retempo::ofx::set_host(const_cast<OfxHost*>(host));
    return kOfxStatOK;
}

} // extern "C"

// How does loaded code know its own file? The dynamic linker knows.
#include "bundle_path.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace retempo::ofx {
namespace {

const char here = 0; // something in this binary

std::string own_path() {
#if defined(_WIN32)
    HMODULE module = nullptr;
    char path[MAX_PATH] = {};
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       &here, &module);
    return module != nullptr && GetModuleFileNameA(module, path, MAX_PATH) < MAX_PATH ? path : "";
#else
    Dl_info info{};
    return dladdr(&here, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
#endif
}

} // namespace

std::string find_resource(const std::string& name) {
    std::string path = own_path(); // Contents/Linux-x86-64/Retempo.ofx
    for (int up = 0; up < 2; ++up) {
        const size_t slash = path.find_last_of("/\\");
        if (slash == std::string::npos) return "";
        path.resize(slash);
    }
    return path + "/Resources/" + name;
}

} // namespace retempo::ofx

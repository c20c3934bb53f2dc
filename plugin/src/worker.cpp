// How is the worker told apart? By the bundle's launcher and the table of parameters that it has to share.
#include "worker.h"

#include <cstring>

#include "bundle_path.h"
#include "host.h"
#include "parameter_table.h"

namespace retempo::ofx {

const bridge::Client& worker() {
    static const bridge::Client made = [] {
        bridge::Options options;
        options.host_name = host().name;
        const std::string launcher = find_resource("retempo-worker");
        if (!launcher.empty()) options.launcher = {launcher};
        static_assert(sizeof(kParameterTableHash) == sizeof(options.parameter_table));
        std::memcpy(options.parameter_table.data(), kParameterTableHash, sizeof kParameterTableHash);
        return bridge::Client(options);
    }();
    return made;
}

} // namespace retempo::ofx

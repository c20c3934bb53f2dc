// How is a host met? Suites are fetched at the first load, forgotten at the last unload.
#include "host.h"

#include <mutex>

#include "bridge/client.h"
#include "properties.h"
#include "status_error.h"

namespace retempo::ofx {
namespace {

std::mutex mutex;
OfxHost* given_host = nullptr;
Host current;
int loads = 0;

template <class Suite>
const Suite* fetch(const char* name, int version) {
    return static_cast<const Suite*>(given_host->fetchSuite(given_host->host, name, version));
}

Host meet() {
    if (given_host == nullptr || given_host->fetchSuite == nullptr)
        throw StatusError(kOfxStatErrMissingHostFeature);
    Host met;
    met.property = fetch<OfxPropertySuiteV1>(kOfxPropertySuite, 1);
    met.effect = fetch<OfxImageEffectSuiteV1>(kOfxImageEffectSuite, 1);
    met.parameter = fetch<OfxParameterSuiteV1>(kOfxParameterSuite, 1);
    if (met.property == nullptr || met.effect == nullptr || met.parameter == nullptr)
        throw StatusError(kOfxStatErrMissingHostFeature);
    met.message2 = fetch<OfxMessageSuiteV2>(kOfxMessageSuite, 2);
    if (met.message2 == nullptr) met.message1 = fetch<OfxMessageSuiteV1>(kOfxMessageSuite, 1);
    met.progress2 = fetch<OfxProgressSuiteV2>(kOfxProgressSuite, 2);
    if (met.progress2 == nullptr) met.progress1 = fetch<OfxProgressSuiteV1>(kOfxProgressSuite, 1);
    const Properties said(met.property, given_host->host);
    met.name = said.text_or(kOfxPropName, met.name);
    met.quirks = find_quirks(said.integer_or(kIsNatron, 0) != 0 ? "natron" : met.name);
    met.temporal_access =
        said.integer_or(kOfxImageEffectPropTemporalClipAccess, 0) != 0 && !met.quirks.no_temporal_access;
    met.multiple_depths = said.integer_or(kOfxImageEffectPropSupportsMultipleClipDepths, 0) != 0;
    return met;
}

} // namespace

const Host& host() {
    if (current.property == nullptr) throw StatusError(kOfxStatErrMissingHostFeature);
    return current;
}

void set_host(OfxHost* given) {
    const std::lock_guard<std::mutex> lock(mutex);
    given_host = given;
}

void load_host() {
    const std::lock_guard<std::mutex> lock(mutex);
    if (loads == 0) current = meet();
    ++loads;
}

void unload_host() {
    const std::lock_guard<std::mutex> lock(mutex);
    if (loads == 0 || --loads > 0) return;
    bridge::shutdown();
    current = Host{};
}

} // namespace retempo::ofx

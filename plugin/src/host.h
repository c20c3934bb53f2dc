// Who hosts us, and what is it able to do? Its suites, its word on itself, and where it is known to be odd.
#pragma once

#include <string>

#include "ofx_api.h"
#include "quirks.h"

namespace retempo::ofx {

struct Host {
    const OfxPropertySuiteV1* property = nullptr;
    const OfxImageEffectSuiteV1* effect = nullptr;
    const OfxParameterSuiteV1* parameter = nullptr;
    const OfxMessageSuiteV2* message2 = nullptr;   // may be missing
    const OfxMessageSuiteV1* message1 = nullptr;   // likewise
    const OfxProgressSuiteV2* progress2 = nullptr; // likewise
    const OfxProgressSuiteV1* progress1 = nullptr; // likewise
    std::string name = "unknown host";
    bool temporal_access = false; // clipGetImage at other times than the render's
    bool multiple_depths = false;
    Quirks quirks;
};

// The host that was loaded for. Throws StatusError (kOfxStatErrMissingHostFeature) before that.
const Host& host();

// OfxPlugin::setHost, of any of the effects.
void set_host(OfxHost* given);
// OfxActionLoad and OfxActionUnload of one effect. Loading throws StatusError where a suite is missing that
// nothing works without; it starts nothing and opens nothing.
void load_host();
void unload_host();

} // namespace retempo::ofx

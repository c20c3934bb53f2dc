// What of the OpenFX C API does the plugin use? Names, values and layouts as the API's documentation gives
// them.
//
// The API is plain C; these are its facts, declared anew. A test compares them with the test host's, which
// were gathered apart. Suites hold all of their members, since the order is the contract.
#pragma once

#include <cstddef>

// ---- Status codes (ofxCore.h, ofxImageEffect.h)
inline constexpr int kOfxStatOK = 0;
inline constexpr int kOfxStatFailed = 1;
inline constexpr int kOfxStatErrFatal = 2;
inline constexpr int kOfxStatErrUnknown = 3;
inline constexpr int kOfxStatErrMissingHostFeature = 4;
inline constexpr int kOfxStatErrUnsupported = 5;
inline constexpr int kOfxStatErrExists = 6;
inline constexpr int kOfxStatErrFormat = 7;
inline constexpr int kOfxStatErrMemory = 8;
inline constexpr int kOfxStatErrBadHandle = 9;
inline constexpr int kOfxStatErrBadIndex = 10;
inline constexpr int kOfxStatErrValue = 11;
inline constexpr int kOfxStatReplyYes = 12;
inline constexpr int kOfxStatReplyNo = 13;
inline constexpr int kOfxStatReplyDefault = 14;
inline constexpr int kOfxStatErrImageFormat = 1000;

// ---- The API and its suites
inline constexpr const char* kOfxImageEffectPluginApi = "OfxImageEffectPluginAPI";
inline constexpr int kOfxImageEffectPluginApiVersion = 1;
inline constexpr const char* kOfxPropertySuite = "OfxPropertySuite";
inline constexpr const char* kOfxImageEffectSuite = "OfxImageEffectSuite";
inline constexpr const char* kOfxParameterSuite = "OfxParameterSuite";
inline constexpr const char* kOfxMessageSuite = "OfxMessageSuite";
inline constexpr const char* kOfxProgressSuite = "OfxProgressSuite";

// ---- Actions (ofxCore.h, ofxImageEffect.h, ofxColour.h)
inline constexpr const char* kOfxActionLoad = "OfxActionLoad";
inline constexpr const char* kOfxActionUnload = "OfxActionUnload";
inline constexpr const char* kOfxActionDescribe = "OfxActionDescribe";
inline constexpr const char* kOfxActionCreateInstance = "OfxActionCreateInstance";
inline constexpr const char* kOfxActionDestroyInstance = "OfxActionDestroyInstance";
inline constexpr const char* kOfxActionPurgeCaches = "OfxActionPurgeCaches";
inline constexpr const char* kOfxActionSyncPrivateData = "OfxActionSyncPrivateData";
inline constexpr const char* kOfxActionInstanceChanged = "OfxActionInstanceChanged";
inline constexpr const char* kOfxActionBeginInstanceChanged = "OfxActionBeginInstanceChanged";
inline constexpr const char* kOfxActionEndInstanceChanged = "OfxActionEndInstanceChanged";
inline constexpr const char* kOfxActionBeginInstanceEdit = "OfxActionBeginInstanceEdit";
inline constexpr const char* kOfxActionEndInstanceEdit = "OfxActionEndInstanceEdit";
inline constexpr const char* kOfxImageEffectActionDescribeInContext = "OfxImageEffectActionDescribeInContext";
inline constexpr const char* kOfxImageEffectActionGetRegionOfDefinition =
    "OfxImageEffectActionGetRegionOfDefinition";
inline constexpr const char* kOfxImageEffectActionGetRegionsOfInterest =
    "OfxImageEffectActionGetRegionsOfInterest";
inline constexpr const char* kOfxImageEffectActionGetTimeDomain = "OfxImageEffectActionGetTimeDomain";
inline constexpr const char* kOfxImageEffectActionGetFramesNeeded = "OfxImageEffectActionGetFramesNeeded";
inline constexpr const char* kOfxImageEffectActionGetClipPreferences =
    "OfxImageEffectActionGetClipPreferences";
inline constexpr const char* kOfxImageEffectActionIsIdentity = "OfxImageEffectActionIsIdentity";
inline constexpr const char* kOfxImageEffectActionRender = "OfxImageEffectActionRender";
inline constexpr const char* kOfxImageEffectActionBeginSequenceRender =
    "OfxImageEffectActionBeginSequenceRender";
inline constexpr const char* kOfxImageEffectActionEndSequenceRender = "OfxImageEffectActionEndSequenceRender";
inline constexpr const char* kOfxImageEffectActionGetOutputColourspace =
    "OfxImageEffectActionGetOutputColourspace";

// ---- What changed, and why
inline constexpr const char* kOfxTypeParameter = "OfxTypeParameter";
inline constexpr const char* kOfxTypeClip = "OfxTypeClip";
inline constexpr const char* kOfxChangeUserEdited = "OfxChangeUserEdited";
inline constexpr const char* kOfxChangeTime = "OfxChangeTime";

// ---- Contexts and mandated names (ofxImageEffect.h)
inline constexpr const char* kOfxImageEffectContextFilter = "OfxImageEffectContextFilter";
inline constexpr const char* kOfxImageEffectContextGeneral = "OfxImageEffectContextGeneral";
inline constexpr const char* kOfxImageEffectContextRetimer = "OfxImageEffectContextRetimer";
inline constexpr const char* kOfxImageEffectOutputClipName = "Output";
inline constexpr const char* kOfxImageEffectSimpleSourceClipName = "Source";
inline constexpr const char* kOfxImageEffectRetimerParamName = "SourceTime";

// ---- Pixels (ofxCore.h, ofxImageEffect.h)
inline constexpr const char* kOfxBitDepthByte = "OfxBitDepthByte";
inline constexpr const char* kOfxBitDepthShort = "OfxBitDepthShort";
inline constexpr const char* kOfxBitDepthHalf = "OfxBitDepthHalf";
inline constexpr const char* kOfxBitDepthFloat = "OfxBitDepthFloat";
inline constexpr const char* kOfxImageComponentRGBA = "OfxImageComponentRGBA";
inline constexpr const char* kOfxImageComponentRGB = "OfxImageComponentRGB";
inline constexpr const char* kOfxImageComponentAlpha = "OfxImageComponentAlpha";
inline constexpr const char* kOfxImageOpaque = "OfxImageOpaque";
inline constexpr const char* kOfxImagePreMultiplied = "OfxImageAlphaPremultiplied";
inline constexpr const char* kOfxImageUnPreMultiplied = "OfxImageAlphaUnPremultiplied";
inline constexpr const char* kOfxImageFieldNone = "OfxFieldNone";
inline constexpr const char* kOfxImageFieldLower = "OfxFieldLower";
inline constexpr const char* kOfxImageFieldUpper = "OfxFieldUpper";
inline constexpr const char* kOfxImageFieldBoth = "OfxFieldBoth";
inline constexpr const char* kOfxImageEffectRenderFullySafe = "OfxImageEffectRenderFullySafe";

// ---- Properties of many things (ofxCore.h)
inline constexpr const char* kOfxPropAPIVersion = "OfxPropAPIVersion";
inline constexpr const char* kOfxPropName = "OfxPropName";
inline constexpr const char* kOfxPropLabel = "OfxPropLabel";
inline constexpr const char* kOfxPropVersion = "OfxPropVersion";
inline constexpr const char* kOfxPropVersionLabel = "OfxPropVersionLabel";
inline constexpr const char* kOfxPropPluginDescription = "OfxPropPluginDescription";
inline constexpr const char* kOfxPropTime = "OfxPropTime";
inline constexpr const char* kOfxPropType = "OfxPropType";
inline constexpr const char* kOfxPropInstanceData = "OfxPropInstanceData";
inline constexpr const char* kOfxPropChangeReason = "OfxPropChangeReason";

// ---- Properties of effects and their actions (ofxImageEffect.h)
inline constexpr const char* kOfxImageEffectPluginRenderThreadSafety =
    "OfxImageEffectPluginRenderThreadSafety";
inline constexpr const char* kOfxImageEffectPluginPropHostFrameThreading =
    "OfxImageEffectPluginPropHostFrameThreading";
inline constexpr const char* kOfxImageEffectPluginPropGrouping = "OfxImageEffectPluginPropGrouping";
inline constexpr const char* kOfxImageEffectPluginPropFieldRenderTwiceAlways =
    "OfxImageEffectPluginPropFieldRenderTwiceAlways";
inline constexpr const char* kOfxImageEffectPropSupportedContexts = "OfxImageEffectPropSupportedContexts";
inline constexpr const char* kOfxImageEffectPropContext = "OfxImageEffectPropContext";
inline constexpr const char* kOfxImageEffectPropSupportsMultipleClipDepths =
    "OfxImageEffectPropMultipleClipDepths";
inline constexpr const char* kOfxImageEffectPropSupportsMultipleClipPARs =
    "OfxImageEffectPropSupportsMultipleClipPARs";
inline constexpr const char* kOfxImageEffectPropClipPreferencesSlaveParam =
    "OfxImageEffectPropClipPreferencesSlaveParam";
inline constexpr const char* kOfxImageEffectPropSupportsMultiResolution =
    "OfxImageEffectPropSupportsMultiResolution";
inline constexpr const char* kOfxImageEffectPropSupportsTiles = "OfxImageEffectPropSupportsTiles";
inline constexpr const char* kOfxImageEffectPropTemporalClipAccess = "OfxImageEffectPropTemporalClipAccess";
inline constexpr const char* kOfxImageEffectPropSupportedPixelDepths =
    "OfxImageEffectPropSupportedPixelDepths";
inline constexpr const char* kOfxImageEffectPropSupportedComponents = "OfxImageEffectPropSupportedComponents";
inline constexpr const char* kOfxImageEffectPropPixelDepth = "OfxImageEffectPropPixelDepth";
inline constexpr const char* kOfxImageEffectPropComponents = "OfxImageEffectPropComponents";
inline constexpr const char* kOfxImageEffectPropPreMultiplication = "OfxImageEffectPropPreMultiplication";
inline constexpr const char* kOfxImageEffectPropFrameRange = "OfxImageEffectPropFrameRange";
inline constexpr const char* kOfxImageEffectFrameVarying = "OfxImageEffectFrameVarying";
inline constexpr const char* kOfxImageEffectPropRenderScale = "OfxImageEffectPropRenderScale";
inline constexpr const char* kOfxImageEffectPropRenderQualityDraft = "OfxImageEffectPropRenderQualityDraft";
inline constexpr const char* kOfxImageEffectPropProjectSize = "OfxImageEffectPropProjectSize";
inline constexpr const char* kOfxImageEffectPropProjectOffset = "OfxImageEffectPropProjectOffset";
inline constexpr const char* kOfxImageEffectPropProjectPixelAspectRatio =
    "OfxImageEffectPropPixelAspectRatio";
inline constexpr const char* kOfxImageEffectPropFieldToRender = "OfxImageEffectPropFieldToRender";
inline constexpr const char* kOfxImageEffectPropRegionOfDefinition = "OfxImageEffectPropRegionOfDefinition";
inline constexpr const char* kOfxImageEffectPropRegionOfInterest = "OfxImageEffectPropRegionOfInterest";
inline constexpr const char* kOfxImageEffectPropRenderWindow = "OfxImageEffectPropRenderWindow";

// ---- Properties of clips and images (ofxImageEffect.h)
inline constexpr const char* kOfxImageClipPropConnected = "OfxImageClipPropConnected";
inline constexpr const char* kOfxImageClipPropOptional = "OfxImageClipPropOptional";
inline constexpr const char* kOfxImageClipPropContinuousSamples = "OfxImageClipPropContinuousSamples";
inline constexpr const char* kOfxImageClipPropIsMask = "OfxImageClipPropIsMask";
inline constexpr const char* kOfxImageClipPropFieldExtraction = "OfxImageClipPropFieldExtraction";
inline constexpr const char* kOfxImageClipPropFieldOrder = "OfxImageClipPropFieldOrder";
inline constexpr const char* kOfxImagePropField = "OfxImagePropField";
inline constexpr const char* kOfxImagePropUniqueIdentifier = "OfxImagePropUniqueIdentifier";
inline constexpr const char* kOfxImagePropData = "OfxImagePropData";
inline constexpr const char* kOfxImagePropBounds = "OfxImagePropBounds";
inline constexpr const char* kOfxImagePropRowBytes = "OfxImagePropRowBytes";
inline constexpr const char* kOfxImagePropPixelAspectRatio = "OfxImagePropPixelAspectRatio";

// ---- Colour management, 1.5 (ofxColour.h and the native config's header)
inline constexpr const char* kOfxImageEffectPropColourManagementStyle =
    "OfxImageEffectPropColourManagementStyle";
inline constexpr const char* kOfxImageEffectColourManagementNone = "OfxImageEffectColourManagementNone";
inline constexpr const char* kOfxImageEffectColourManagementBasic = "OfxImageEffectColourManagementBasic";
inline constexpr const char* kOfxImageEffectColourManagementCore = "OfxImageEffectColourManagementCore";
inline constexpr const char* kOfxImageEffectColourManagementFull = "OfxImageEffectColourManagementFull";
inline constexpr const char* kOfxImageEffectColourManagementOCIO = "OfxImageEffectColourManagementOCIO";
inline constexpr const char* kOfxImageEffectPropColourManagementAvailableConfigs =
    "OfxImageEffectPropColourManagementAvailableConfigs";
inline constexpr const char* kOfxImageEffectPropOCIOConfig = "OfxImageEffectPropOCIOConfig";
inline constexpr const char* kOfxImageClipPropColourspace = "OfxImageClipPropColourspace";
inline constexpr const char* kOfxConfigIdentifier = "ofx-native-v1.5_aces-v1.3_ocio-v2.3";
inline constexpr const char* kOfxColourspaceOfxRaw = "ofx_raw";
inline constexpr const char* kOfxColourspaceOfxSceneLinear = "ofx_scene_linear";
inline constexpr const char* kOfxColourspaceOfxSceneLog = "ofx_scene_log";
inline constexpr const char* kOfxColourspaceOfxDisplaySdr = "ofx_display_sdr";
inline constexpr const char* kOfxColourspaceOfxDisplayHdr = "ofx_display_hdr";

// ---- Messages (ofxMessage.h)
inline constexpr const char* kOfxMessageMessage = "OfxMessageMessage";
inline constexpr const char* kOfxMessageError = "OfxMessageError";

// ---- Parameters: types and properties (ofxParam.h)
inline constexpr const char* kOfxParamTypeInteger = "OfxParamTypeInteger";
inline constexpr const char* kOfxParamTypeDouble = "OfxParamTypeDouble";
inline constexpr const char* kOfxParamTypeBoolean = "OfxParamTypeBoolean";
inline constexpr const char* kOfxParamTypeChoice = "OfxParamTypeChoice";
inline constexpr const char* kOfxParamTypeString = "OfxParamTypeString";
inline constexpr const char* kOfxParamTypeGroup = "OfxParamTypeGroup";
inline constexpr const char* kOfxParamTypePushButton = "OfxParamTypePushButton";
inline constexpr const char* kOfxParamTypePage = "OfxParamTypePage";
inline constexpr const char* kOfxParamStringIsFilePath = "OfxParamStringIsFilePath";
inline constexpr const char* kOfxParamStringIsSingleLine = "OfxParamStringIsSingleLine";
inline constexpr const char* kOfxParamStringIsLabel = "OfxParamStringIsLabel";
inline constexpr const char* kOfxParamInvalidateAll = "OfxParamInvalidateAll";
inline constexpr const char* kOfxParamPropEvaluateOnChange = "OfxParamPropEvaluateOnChange";
inline constexpr const char* kOfxParamPropPersistant = "OfxParamPropPersistant";
inline constexpr const char* kOfxParamPropIsAnimating = "OfxParamPropIsAnimating";
inline constexpr const char* kOfxParamPropAnimates = "OfxParamPropAnimates";
inline constexpr const char* kOfxParamPropEnabled = "OfxParamPropEnabled";
inline constexpr const char* kOfxParamPropHint = "OfxParamPropHint";
inline constexpr const char* kOfxParamPropDefault = "OfxParamPropDefault";
inline constexpr const char* kOfxParamPropParent = "OfxParamPropParent";
inline constexpr const char* kOfxParamPropGroupOpen = "OfxParamPropGroupOpen";
inline constexpr const char* kOfxParamPropPageChild = "OfxParamPropPageChild";
inline constexpr const char* kOfxParamPropChoiceOption = "OfxParamPropChoiceOption";
inline constexpr const char* kOfxParamPropCacheInvalidation = "OfxParamPropCacheInvalidation";
inline constexpr const char* kOfxParamPropMin = "OfxParamPropMin";
inline constexpr const char* kOfxParamPropMax = "OfxParamPropMax";
inline constexpr const char* kOfxParamPropDisplayMin = "OfxParamPropDisplayMin";
inline constexpr const char* kOfxParamPropDisplayMax = "OfxParamPropDisplayMax";
inline constexpr const char* kOfxParamPropDigits = "OfxParamPropDigits";
inline constexpr const char* kOfxParamPropIncrement = "OfxParamPropIncrement";
inline constexpr const char* kOfxParamPropStringMode = "OfxParamPropStringMode";
inline constexpr const char* kOfxParamPropStringFilePathExists = "OfxParamPropStringFilePathExists";

// These take a clip's name behind them.
namespace retempo::ofx {
inline constexpr const char* kClipComponents = "OfxImageClipPropComponents_";
inline constexpr const char* kClipDepth = "OfxImageClipPropDepth_";
inline constexpr const char* kClipRegion = "OfxImageClipPropRoI_";
inline constexpr const char* kClipFrameRange = "OfxImageClipPropFrameRange_";
inline constexpr const char* kClipColourspaces = "OfxImageClipPropPreferredColourspaces_";
inline constexpr const char* kColourspaceOfClip = "OfxColourspace_";
} // namespace retempo::ofx

extern "C" {

using OfxStatus = int;
using OfxPropertySetHandle = struct OfxPropertySetStruct*;
using OfxImageEffectHandle = struct OfxImageEffectStruct*;
using OfxImageClipHandle = struct OfxImageClipStruct*;
using OfxImageMemoryHandle = struct OfxImageMemoryStruct*;
using OfxParamHandle = struct OfxParamStruct*;
using OfxParamSetHandle = struct OfxParamSetStruct*;
using OfxTime = double;

struct OfxRectD {
    double x1, y1, x2, y2;
};

struct OfxRangeD {
    double min, max;
};

struct OfxHost {
    OfxPropertySetHandle host;
    const void* (*fetchSuite)(OfxPropertySetHandle host, const char* name, int version);
};

struct OfxPlugin {
    const char* pluginApi;
    int apiVersion;
    const char* pluginIdentifier;
    unsigned int pluginVersionMajor;
    unsigned int pluginVersionMinor;
    void (*setHost)(OfxHost* host);
    OfxStatus (*mainEntry)(const char* action, const void* handle, OfxPropertySetHandle inArgs,
                           OfxPropertySetHandle outArgs);
};

struct OfxPropertySuiteV1 {
    OfxStatus (*propSetPointer)(OfxPropertySetHandle set, const char* name, int index, void* value);
    OfxStatus (*propSetString)(OfxPropertySetHandle set, const char* name, int index, const char* value);
    OfxStatus (*propSetDouble)(OfxPropertySetHandle set, const char* name, int index, double value);
    OfxStatus (*propSetInt)(OfxPropertySetHandle set, const char* name, int index, int value);
    OfxStatus (*propSetPointerN)(OfxPropertySetHandle set, const char* name, int count, void* const* values);
    OfxStatus (*propSetStringN)(OfxPropertySetHandle set, const char* name, int count,
                                const char* const* values);
    OfxStatus (*propSetDoubleN)(OfxPropertySetHandle set, const char* name, int count, const double* values);
    OfxStatus (*propSetIntN)(OfxPropertySetHandle set, const char* name, int count, const int* values);
    OfxStatus (*propGetPointer)(OfxPropertySetHandle set, const char* name, int index, void** value);
    OfxStatus (*propGetString)(OfxPropertySetHandle set, const char* name, int index, char** value);
    OfxStatus (*propGetDouble)(OfxPropertySetHandle set, const char* name, int index, double* value);
    OfxStatus (*propGetInt)(OfxPropertySetHandle set, const char* name, int index, int* value);
    OfxStatus (*propGetPointerN)(OfxPropertySetHandle set, const char* name, int count, void** values);
    OfxStatus (*propGetStringN)(OfxPropertySetHandle set, const char* name, int count, char** values);
    OfxStatus (*propGetDoubleN)(OfxPropertySetHandle set, const char* name, int count, double* values);
    OfxStatus (*propGetIntN)(OfxPropertySetHandle set, const char* name, int count, int* values);
    OfxStatus (*propReset)(OfxPropertySetHandle set, const char* name);
    OfxStatus (*propGetDimension)(OfxPropertySetHandle set, const char* name, int* count);
};

struct OfxImageEffectSuiteV1 {
    OfxStatus (*getPropertySet)(OfxImageEffectHandle effect, OfxPropertySetHandle* set);
    OfxStatus (*getParamSet)(OfxImageEffectHandle effect, OfxParamSetHandle* params);
    OfxStatus (*clipDefine)(OfxImageEffectHandle effect, const char* name, OfxPropertySetHandle* set);
    OfxStatus (*clipGetHandle)(OfxImageEffectHandle effect, const char* name, OfxImageClipHandle* clip,
                               OfxPropertySetHandle* set);
    OfxStatus (*clipGetPropertySet)(OfxImageClipHandle clip, OfxPropertySetHandle* set);
    OfxStatus (*clipGetImage)(OfxImageClipHandle clip, OfxTime time, const OfxRectD* region,
                              OfxPropertySetHandle* image);
    OfxStatus (*clipReleaseImage)(OfxPropertySetHandle image);
    OfxStatus (*clipGetRegionOfDefinition)(OfxImageClipHandle clip, OfxTime time, OfxRectD* bounds);
    int (*abort)(OfxImageEffectHandle effect);
    OfxStatus (*imageMemoryAlloc)(OfxImageEffectHandle effect, size_t bytes, OfxImageMemoryHandle* memory);
    OfxStatus (*imageMemoryFree)(OfxImageMemoryHandle memory);
    OfxStatus (*imageMemoryLock)(OfxImageMemoryHandle memory, void** data);
    OfxStatus (*imageMemoryUnlock)(OfxImageMemoryHandle memory);
};

struct OfxParameterSuiteV1 {
    OfxStatus (*paramDefine)(OfxParamSetHandle params, const char* type, const char* name,
                             OfxPropertySetHandle* set);
    OfxStatus (*paramGetHandle)(OfxParamSetHandle params, const char* name, OfxParamHandle* param,
                                OfxPropertySetHandle* set);
    OfxStatus (*paramSetGetPropertySet)(OfxParamSetHandle params, OfxPropertySetHandle* set);
    OfxStatus (*paramGetPropertySet)(OfxParamHandle param, OfxPropertySetHandle* set);
    OfxStatus (*paramGetValue)(OfxParamHandle param, ...);
    OfxStatus (*paramGetValueAtTime)(OfxParamHandle param, OfxTime time, ...);
    OfxStatus (*paramGetDerivative)(OfxParamHandle param, OfxTime time, ...);
    OfxStatus (*paramGetIntegral)(OfxParamHandle param, OfxTime from, OfxTime to, ...);
    OfxStatus (*paramSetValue)(OfxParamHandle param, ...);
    OfxStatus (*paramSetValueAtTime)(OfxParamHandle param, OfxTime time, ...);
    OfxStatus (*paramGetNumKeys)(OfxParamHandle param, unsigned int* count);
    OfxStatus (*paramGetKeyTime)(OfxParamHandle param, unsigned int index, OfxTime* time);
    OfxStatus (*paramGetKeyIndex)(OfxParamHandle param, OfxTime time, int direction, int* index);
    OfxStatus (*paramDeleteKey)(OfxParamHandle param, OfxTime time);
    OfxStatus (*paramDeleteAllKeys)(OfxParamHandle param);
    OfxStatus (*paramCopy)(OfxParamHandle to, OfxParamHandle from, OfxTime offset, const OfxRangeD* range);
    OfxStatus (*paramEditBegin)(OfxParamSetHandle params, const char* name);
    OfxStatus (*paramEditEnd)(OfxParamSetHandle params);
};

struct OfxMessageSuiteV1 {
    OfxStatus (*message)(void* handle, const char* type, const char* id, const char* format, ...);
};

struct OfxMessageSuiteV2 {
    OfxStatus (*message)(void* handle, const char* type, const char* id, const char* format, ...);
    OfxStatus (*setPersistentMessage)(void* handle, const char* type, const char* id, const char* format,
                                      ...);
    OfxStatus (*clearPersistentMessage)(void* handle);
};

struct OfxProgressSuiteV1 {
    OfxStatus (*progressStart)(void* instance, const char* label);
    OfxStatus (*progressUpdate)(void* instance, double progress);
    OfxStatus (*progressEnd)(void* instance);
};

struct OfxProgressSuiteV2 {
    OfxStatus (*progressStart)(void* instance, const char* message, const char* id);
    OfxStatus (*progressUpdate)(void* instance, double progress);
    OfxStatus (*progressEnd)(void* instance);
};

} // extern "C"

// What does the test host need to be tried on? A small retimer that blends two frames, and that breaks one
// rule of the API on request (parameter "fault"). It declares the API for itself, so that a slip in the
// host's own declarations does not go unnoticed.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

extern "C" {
typedef struct PropSet* Props;
typedef struct Fx* Effect;
typedef struct Pars* Params;
typedef struct Par* Param;
typedef struct Clp* Clip;
typedef struct Mtx* Mutex;
struct RectD { double x1, y1, x2, y2; };
struct RangeD { double min, max; };
struct Host { Props host; const void* (*fetch)(Props, const char*, int); };
struct PluginStruct {
    const char* api; int apiVersion; const char* id; unsigned major, minor;
    void (*setHost)(Host*); int (*entry)(const char*, const void*, Props, Props);
};
struct PropertySuite {
    int (*setPointer)(Props, const char*, int, void*);
    int (*setString)(Props, const char*, int, const char*);
    int (*setDouble)(Props, const char*, int, double);
    int (*setInt)(Props, const char*, int, int);
    int (*setPointerN)(Props, const char*, int, void* const*);
    int (*setStringN)(Props, const char*, int, const char* const*);
    int (*setDoubleN)(Props, const char*, int, const double*);
    int (*setIntN)(Props, const char*, int, const int*);
    int (*getPointer)(Props, const char*, int, void**);
    int (*getString)(Props, const char*, int, char**);
    int (*getDouble)(Props, const char*, int, double*);
    int (*getInt)(Props, const char*, int, int*);
    int (*getPointerN)(Props, const char*, int, void**);
    int (*getStringN)(Props, const char*, int, char**);
    int (*getDoubleN)(Props, const char*, int, double*);
    int (*getIntN)(Props, const char*, int, int*);
    int (*reset)(Props, const char*);
    int (*dimension)(Props, const char*, int*);
};
struct EffectSuite {
    int (*properties)(Effect, Props*);
    int (*paramSet)(Effect, Params*);
    int (*clipDefine)(Effect, const char*, Props*);
    int (*clipHandle)(Effect, const char*, Clip*, Props*);
    int (*clipProperties)(Clip, Props*);
    int (*image)(Clip, double, const RectD*, Props*);
    int (*release)(Props);
    int (*region)(Clip, double, RectD*);
    int (*abort)(Effect);
    int (*memoryAlloc)(Effect, size_t, void**);
    int (*memoryFree)(void*);
    int (*memoryLock)(void*, void**);
    int (*memoryUnlock)(void*);
};
struct ParamSuite {
    int (*define)(Params, const char*, const char*, Props*);
    int (*handle)(Params, const char*, Param*, Props*);
    int (*setProperties)(Params, Props*);
    int (*properties)(Param, Props*);
    int (*value)(Param, ...);
    int (*valueAt)(Param, double, ...);
    int (*derivative)(Param, double, ...);
    int (*integral)(Param, double, double, ...);
    int (*setValue)(Param, ...);
    int (*setValueAt)(Param, double, ...);
    int (*numKeys)(Param, unsigned*);
    int (*keyTime)(Param, unsigned, double*);
    int (*keyIndex)(Param, double, int, int*);
    int (*deleteKey)(Param, double);
    int (*deleteKeys)(Param);
    int (*copy)(Param, Param, double, const RangeD*);
    int (*editBegin)(Params, const char*);
    int (*editEnd)(Params);
};
struct MemorySuite { int (*alloc)(void*, size_t, void**); int (*free)(void*); };
struct ThreadSuite {
    int (*run)(void (*)(unsigned, unsigned, void*), unsigned, void*);
    int (*cpus)(unsigned*);
    int (*index)(unsigned*);
    int (*spawned)();
    int (*create)(Mutex*, int);
    int (*destroy)(Mutex);
    int (*lock)(Mutex);
    int (*unlock)(Mutex);
    int (*tryLock)(Mutex);
};
struct MessageSuite {
    int (*message)(void*, const char*, const char*, const char*, ...);
    int (*persist)(void*, const char*, const char*, const char*, ...);
    int (*clear)(void*);
};
struct ProgressSuite { int (*start)(void*, const char*, const char*); int (*update)(void*, double); int (*end)(void*); };
struct TimeSuite { int (*get)(void*, double*); int (*go)(void*, double); int (*bounds)(void*, double*, double*); };
}

static Host* host;
static const PropertySuite* P;
static const EffectSuite* E;
static const ParamSuite* A;
static const MemorySuite* M;
static const ThreadSuite* T;
static const MessageSuite* G;
static const ProgressSuite* O;
static const TimeSuite* L;

enum { OK = 0, Failed = 1, Default = 14 };
enum Fault {
    None, Unreleased, WrongType, UnknownProperty, Unlisted, StrayRow, StrayPixel, Unwritten, Leak, InputWritten,
    SetInRender, UnknownSuite, UseReleased, ProgressOpen, Misplaced, ReadOnly, NoTime, Nested, BadIndex, Refuse,
    WaitAbort, LeakImageMemory, DefaultAfterSet, BadFree, ForeignThread, WrongIdentity, SetSourceTime, OtherDepth,
    EditOpen, LeakMutex, LateWrite, NullString
};

static Param param(Effect e, const char* name) {
    Params set; Param p = nullptr;
    E->paramSet(e, &set);
    A->handle(set, name, &p, nullptr);
    return p;
}
static int fault(Effect e) { int f = 0; A->valueAt(param(e, "fault"), 0.0, &f); return f; }
static bool retimer(Effect e) {
    Props p; char* context;
    E->properties(e, &p);
    P->getString(p, "OfxImageEffectPropContext", 0, &context);
    return !strcmp(context, "OfxImageEffectContextRetimer");
}
static double sourceTime(Effect e, double time) {
    double t = 0;
    if (retimer(e)) { A->valueAt(param(e, "SourceTime"), time, &t); return t; }
    A->integral(param(e, "speed"), 0.0, time, &t);
    return t;
}

static int describe(Effect e) {
    Props p;
    E->properties(e, &p);
    const char* contexts[] = {"OfxImageEffectContextRetimer", "OfxImageEffectContextGeneral", "OfxImageEffectContextFilter"};
    const char* depths[] = {"OfxBitDepthByte", "OfxBitDepthShort", "OfxBitDepthHalf", "OfxBitDepthFloat"};
    P->setString(p, "OfxPropLabel", 0, "Dummy");
    P->setString(p, "OfxImageEffectPluginPropGrouping", 0, "Test");
    P->setStringN(p, "OfxImageEffectPropSupportedContexts", 3, contexts);
    P->setStringN(p, "OfxImageEffectPropSupportedPixelDepths", 4, depths);
    P->setString(p, "OfxImageEffectPluginRenderThreadSafety", 0, DUMMY_SAFETY);
    P->setInt(p, "OfxImageEffectPropTemporalClipAccess", 0, 1);
    P->setInt(p, "OfxImageEffectPropSupportsTiles", 0, DUMMY_TILES);
    // these two exist only on a host that manages colour; elsewhere they are refused and that is fine
    P->setString(p, "OfxImageEffectPropColourManagementStyle", 0, "OfxImageEffectColourManagementOCIO");
    P->setString(p, "OfxImageEffectPropColourManagementAvailableConfigs", 0, "ofx-native-v1.5_aces-v1.3_ocio-v2.3");
    return OK;
}

static void clip(Effect e, const char* name, bool optional) {
    Props p;
    const char* components[] = {"OfxImageComponentRGBA", "OfxImageComponentRGB", "OfxImageComponentAlpha"};
    E->clipDefine(e, name, &p);
    P->setStringN(p, "OfxImageEffectPropSupportedComponents", 3, components);
    P->setInt(p, "OfxImageEffectPropTemporalClipAccess", 0, 1);
    P->setInt(p, "OfxImageEffectPropSupportsTiles", 0, DUMMY_TILES);
    P->setInt(p, "OfxImageClipPropOptional", 0, optional);
    P->setString(p, "OfxImageClipPropFieldExtraction", 0, DUMMY_EXTRACTION);
}

static int interpolate(Params, Props in, Props out) {
    char* pair[2]; double amount;
    P->getStringN(in, "OfxParamPropCustomValue", 2, pair);
    P->getDouble(in, "OfxParamPropInterpolationAmount", 0, &amount);
    const double value = atof(pair[0]) * (1 - amount) + atof(pair[1]) * amount;
    return P->setString(out, "OfxParamPropCustomValue", 0, std::to_string(value).c_str());
}

static Effect described; // the last context's description, kept for LateWrite

static int describeIn(Effect e, Props in) {
    described = e;
    char* context; Params set; Props p;
    P->getString(in, "OfxImageEffectPropContext", 0, &context);
    clip(e, "Source", false);
    clip(e, "Output", false);
    if (!strcmp(context, "OfxImageEffectContextGeneral")) clip(e, "Matte", true);
    E->paramSet(e, &set);
    if (!strcmp(context, "OfxImageEffectContextRetimer")) A->define(set, "OfxParamTypeDouble", "SourceTime", nullptr);
    A->define(set, "OfxParamTypeDouble", "speed", &p);
    P->setDouble(p, "OfxParamPropDefault", 0, 1.0);
    P->setString(p, "OfxPropLabel", 0, "Speed");
    A->define(set, "OfxParamTypeInteger", "fault", &p);
    A->define(set, "OfxParamTypeChoice", "mode", &p);
    P->setString(p, "OfxParamPropChoiceOption", 0, "Blend");
    P->setString(p, "OfxParamPropChoiceOption", 1, "Nearest");
    A->define(set, "OfxParamTypeBoolean", "on", &p);
    P->setInt(p, "OfxParamPropDefault", 0, 1);
    A->define(set, "OfxParamTypeString", "text", &p);
    P->setString(p, "OfxParamPropDefault", 0, "sch\xC3\xB6n");
    A->define(set, "OfxParamTypeRGBA", "tint", &p);
    const double tint[] = {0.25, 0.5, 0.75, 1.0};
    P->setDoubleN(p, "OfxParamPropDefault", 4, tint);
    A->define(set, "OfxParamTypeRGB", "rgb", nullptr);
    A->define(set, "OfxParamTypeDouble2D", "place", nullptr);
    A->define(set, "OfxParamTypeInteger2D", "cell", nullptr);
    A->define(set, "OfxParamTypeGroup", "group", nullptr);
    A->define(set, "OfxParamTypePushButton", "button", &p);
    P->setString(p, "OfxParamPropParent", 0, "group");
    A->define(set, "OfxParamTypePage", "page", &p);
    P->setString(p, "OfxParamPropPageChild", 0, "speed");
    A->define(set, "OfxParamTypeCustom", "custom", &p);
    P->setPointer(p, "OfxParamPropCustomCallbackV1", 0, reinterpret_cast<void*>(interpolate));
    return OK;
}

struct Picture {
    Props props = nullptr; char* data = nullptr; int bounds[4] = {}, row = 0, channels = 0; std::string depth;
    bool read() {
        char *c, *d; void* v;
        P->getPointer(props, "OfxImagePropData", 0, &v);
        data = static_cast<char*>(v);
        P->getIntN(props, "OfxImagePropBounds", 4, bounds);
        P->getInt(props, "OfxImagePropRowBytes", 0, &row);
        P->getString(props, "OfxImageEffectPropComponents", 0, &c);
        P->getString(props, "OfxImageEffectPropPixelDepth", 0, &d);
        depth = d;
        channels = !strcmp(c, "OfxImageComponentRGBA") ? 4 : !strcmp(c, "OfxImageComponentRGB") ? 3 : 1;
        return true;
    }
    size_t size() const { return depth == "OfxBitDepthFloat" ? 4 : depth == "OfxBitDepthByte" ? 1 : 2; }
    void* at(int x, int y, int c) const {
        return data + std::ptrdiff_t(y - bounds[1]) * row + ((x - bounds[0]) * channels + c) * std::ptrdiff_t(size());
    }
    bool has(int x, int y) const { return x >= bounds[0] && x < bounds[2] && y >= bounds[1] && y < bounds[3]; }
};

static void blend(void* out, const void* a, const void* b, double phase, const std::string& depth) {
    const auto mix = [phase](double x, double y) { return x * (1 - phase) + y * phase; };
    if (depth == "OfxBitDepthFloat") *(float*)out = float(mix(*(const float*)a, *(const float*)b));
    else if (depth == "OfxBitDepthByte") *(uint8_t*)out = uint8_t(std::floor(mix(*(const uint8_t*)a, *(const uint8_t*)b) + 0.5));
    else if (depth == "OfxBitDepthShort") *(uint16_t*)out = uint16_t(std::floor(mix(*(const uint16_t*)a, *(const uint16_t*)b) + 0.5));
    else std::memcpy(out, phase < 0.5 ? a : b, 2); // half: the nearer one will do here
}

static void count(unsigned index, unsigned total, void* data) {
    auto* seen = static_cast<std::vector<int>*>(data);
    unsigned me; T->index(&me);
    if (me == index && T->spawned() && total <= seen->size()) (*seen)[index] += 1;
}
static void nested(unsigned, unsigned, void* status) { *static_cast<int*>(status) = T->run(count, 2, nullptr); }

static int render(Effect e, Props in) {
    double time; int window[4];
    P->getDouble(in, "OfxPropTime", 0, &time);
    P->getIntN(in, "OfxImageEffectPropRenderWindow", 4, window);
    const int f = fault(e);
    if (f == Refuse) {
        G->persist(e, "OfxMessageError", "id7", "frame %d of '%s' at %.2f%% of %5.1f, %lld %c", 7, "sch\xC3\xB6n", 12.5, 3.25, 1234567890123LL, 'x');
        return Failed;
    }
    G->clear(e);
    if (f == WaitAbort) {
        while (!E->abort(e)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        return Failed;
    }
    const double t = sourceTime(e, time), first = std::floor(t), last = std::ceil(t);
    Clip source, output;
    E->clipHandle(e, "Source", &source, nullptr);
    E->clipHandle(e, "Output", &output, nullptr);
    Picture a, b, out;
    const bool hasA = E->image(source, first, nullptr, &a.props) == OK && a.read();
    const bool hasB = E->image(source, last, nullptr, &b.props) == OK && b.read();
    if (E->image(output, time, nullptr, &out.props) != OK || !out.read()) return Failed;
    const std::vector<char> black(16, 0);
    for (int y = window[1]; y < window[3]; ++y)
        for (int x = window[0]; x < window[2]; ++x)
            for (int c = 0; c < out.channels; ++c) {
                if (f == Unwritten && y == window[1]) continue;
                const void* pa = hasA && a.has(x, y) ? a.at(x, y, c) : black.data();
                const void* pb = hasB && b.has(x, y) ? b.at(x, y, c) : black.data();
                blend(out.at(x, y, c), pa, pb, t - first, out.depth);
            }
    int status = OK;
    switch (f) {
        case WrongType: { int i; P->getInt(in, "OfxPropTime", 0, &i); break; }
        case UnknownProperty: { int i; P->getInt(in, "OfxPropTimme", 0, &i); break; }
        case Misplaced: { void* v; P->getPointer(in, "OfxImagePropData", 0, &v); break; }
        case ReadOnly: P->setDouble(in, "OfxPropTime", 0, 1.0); break;
        case BadIndex: { int i; P->getInt(in, "OfxImageEffectPropRenderWindow", 4, &i); break; }
        case Unlisted: { Props p; if (E->image(source, last + 3, nullptr, &p) == OK) E->release(p); break; }
        case StrayRow: *(static_cast<char*>(out.at(out.bounds[2] - 1, out.bounds[1], 0)) + out.channels * out.size()) = 1; break;
        case StrayPixel: *static_cast<char*>(out.at(out.bounds[0], out.bounds[1], 0)) = 1; break;
        case Leak: { void* v; M->alloc(e, 1000, &v); std::memset(v, 1, 1000); break; }
        case LeakImageMemory: { void *h, *v; E->memoryAlloc(e, 1000, &h); E->memoryLock(h, &v); std::memset(v, 1, 1000); break; }
        case BadFree: M->free(&status); break;
        case InputWritten: *static_cast<char*>(a.at(a.bounds[0], a.bounds[1], 0)) ^= 1; break;
        case SetInRender: A->setValue(param(e, "speed"), 2.0); break;
        case UnknownSuite: host->fetch(host->host, "OfxTelepathySuite", 1); break;
        case ProgressOpen: O->start(e, "working", ""); O->update(e, 0.5); break;
        case NoTime: { double v; A->value(param(e, "speed"), &v); break; }
        case Nested: T->run(nested, 1, &status); status = status == 6 ? OK : Failed; break;
        case ForeignThread: {
            std::thread other([&] { Props p; if (E->image(source, first, nullptr, &p) == OK) E->release(p); });
            other.join();
            break;
        }
        default: break;
    }
    if (hasA && f != Unreleased) E->release(a.props);
    if (hasB) E->release(b.props);
    E->release(out.props);
    if (f == UseReleased) { void* v; P->getPointer(out.props, "OfxImagePropData", 0, &v); }
    return status;
}

static int framesNeeded(Effect e, Props in, Props out) {
    double time;
    P->getDouble(in, "OfxPropTime", 0, &time);
    const double t = sourceTime(e, time), range[] = {std::floor(t), std::ceil(t)};
    P->setDoubleN(out, "OfxImageClipPropFrameRange_Source", 2, range);
    return fault(e) == DefaultAfterSet ? Default : OK;
}

static int identity(Effect e, Props in, Props out) {
    double time;
    P->getDouble(in, "OfxPropTime", 0, &time);
    const double t = sourceTime(e, time);
    if (t != std::floor(t)) return Default;
    P->setString(out, "OfxPropName", 0, fault(e) == WrongIdentity ? "Nowhere" : "Source");
    P->setDouble(out, "OfxPropTime", 0, t);
    return OK;
}

// What the button does is a test of its own: every suite is used and the outcome goes into "text".
static int pressed(Effect e) {
    std::string report;
    const auto expect = [&](bool good, const char* what) { if (!good) report += std::string(what) + ";"; };
    double v[4] = {}, w = 0; int i[3] = {}; char* s = nullptr; unsigned n = 0;
    A->value(param(e, "tint"), &v[0], &v[1], &v[2], &v[3]);
    expect(v[0] == 0.25 && v[1] == 0.5 && v[2] == 0.75 && v[3] == 1.0, "rgba");
    A->setValue(param(e, "tint"), 0.1, 0.2, 0.3, 0.4);
    A->valueAt(param(e, "tint"), 3.0, &v[0], &v[1], &v[2], &v[3]);
    expect(v[0] == 0.1 && v[3] == 0.4, "set rgba");
    A->setValue(param(e, "cell"), -5, 7);
    A->value(param(e, "cell"), &i[0], &i[1]);
    expect(i[0] == -5 && i[1] == 7, "int2d");
    A->setValue(param(e, "mode"), 1);
    A->value(param(e, "mode"), &i[0]);
    expect(i[0] == 1, "choice");
    A->value(param(e, "text"), &s);
    expect(!strcmp(s, "sch\xC3\xB6n"), "string");
    Param place = param(e, "place"), copy = nullptr;
    A->setValueAt(place, 0.0, 1.0, 10.0);
    A->setValueAt(place, 10.0, 3.0, 30.0);
    A->valueAt(place, 5.0, &v[0], &v[1]);
    expect(v[0] == 2.0 && v[1] == 20.0, "keys");
    A->numKeys(place, &n);
    expect(n == 2, "numKeys");
    expect(A->keyTime(place, 1, &w) == OK && w == 10.0, "keyTime");
    expect(A->keyTime(place, 2, &w) == 10, "keyTime index");
    expect(A->keyIndex(place, 0.0, 1, &i[0]) == OK && i[0] == 1, "keyIndex");
    expect(A->keyIndex(place, 10.0, 1, &i[0]) == Failed && i[0] == -1, "no keyIndex");
    A->integral(place, 0.0, 10.0, &v[0], &v[1]);
    expect(std::fabs(v[0] - 20.0) < 1e-9 && std::fabs(v[1] - 200.0) < 1e-9, "integral");
    A->derivative(place, 5.0, &v[0], &v[1]);
    expect(std::fabs(v[0] - 0.2) < 1e-6 && std::fabs(v[1] - 2.0) < 1e-6, "derivative");
    expect(A->deleteKey(place, 10.0) == OK && A->deleteKey(place, 10.0) == 10, "deleteKey");
    A->setValue(param(e, "speed"), 0.5);
    Params set; E->paramSet(e, &set);
    A->editBegin(set, "all"); A->editEnd(set);
    expect(A->handle(set, "nothing", &copy, nullptr) == 3, "unknown parameter");

    std::vector<int> seen(64, 0);
    T->cpus(&n);
    T->run(count, n, &seen);
    for (unsigned k = 0; k < n; ++k) expect(seen[k] == 1, "thread");
    Mutex m; T->create(&m, 0);
    expect(T->tryLock(m) == OK && T->unlock(m) == OK && T->lock(m) == OK && T->unlock(m) == OK, "mutex");
    T->destroy(m);
    expect(T->lock(m) == 9, "destroyed mutex");
    void *h, *p;
    M->alloc(e, 100, &p); expect((reinterpret_cast<uintptr_t>(p) & 15) == 0, "alignment"); M->free(p);
    E->memoryAlloc(e, 100, &h); E->memoryLock(h, &p); E->memoryUnlock(h); expect(E->memoryFree(h) == OK, "image memory");
    expect(O->start(e, "working", "w") == OK && O->update(e, 0.5) == 13 && O->end(e) == OK, "progress");
    expect(G->message(e, "OfxMessageQuestion", "", "%s?", "sure") == 12, "question");
    L->get(e, &w); expect(w == 2.0, "time"); L->bounds(e, &v[0], &v[1]); expect(v[0] == 0 && v[1] == 9, "bounds");
    expect(L->go(e, 4.0) == OK && L->go(e, 1000.0) == 11, "goto");
    A->setValue(param(e, "text"), report.empty() ? "fine" : report.c_str());
    return OK;
}

static int changed(Effect e, Props in) {
    char* name;
    P->getString(in, "OfxPropName", 0, &name);
    if (strcmp(name, "button")) return Default;
    Params set; Mutex m; Props p;
    switch (fault(e)) {
        case None: return pressed(e);
        case SetSourceTime: A->setValue(param(e, "SourceTime"), 1.0); break;
        case EditOpen: E->paramSet(e, &set); A->editBegin(set, "open"); break;
        case LeakMutex: T->create(&m, 0); break;
        case LateWrite: E->properties(described, &p); P->setString(p, "OfxPropLabel", 0, "Other"); break;
        case NullString: A->properties(param(e, "speed"), &p); P->setString(p, "OfxParamPropHint", 0, nullptr); break;
        default: break;
    }
    return OK;
}

static int colour(Props out) { return P->setString(out, "OfxImageClipPropColourspace", 0, "OfxColourspace_Source"); }

static int preferences(Effect e, Props out) {
    if (fault(e) == OtherDepth) P->setString(out, "OfxImageClipPropDepth_Output", 0, "OfxBitDepthByte");
    P->setInt(out, "OfxImageClipPropContinuousSamples", 0, 1);
    P->setString(out, "OfxImageClipPropPreferredColourspaces_Source", 0, "ofx_scene_linear");
    return OK;
}

static int act(const char* name, const void* handle, Props in, Props out) {
    const auto is = [name](const char* other) { return !strcmp(name, other); };
    Effect e = (Effect)handle;
    if (is("OfxActionLoad")) {
        const auto get = [](const char* suite, int version) { return host->fetch(host->host, suite, version); };
        P = (const PropertySuite*)get("OfxPropertySuite", 1);
        E = (const EffectSuite*)get("OfxImageEffectSuite", 1);
        A = (const ParamSuite*)get("OfxParameterSuite", 1);
        M = (const MemorySuite*)get("OfxMemorySuite", 1);
        T = (const ThreadSuite*)get("OfxMultiThreadSuite", 1);
        G = (const MessageSuite*)get("OfxMessageSuite", 2);
        O = (const ProgressSuite*)get("OfxProgressSuite", 2);
        L = (const TimeSuite*)get("OfxTimeLineSuite", 1);
        return P && E && A && M && T && G && O && L ? OK : 4;
    }
    if (is("OfxActionUnload")) return OK;
    if (is("OfxActionDescribe")) return describe(e);
    if (is("OfxImageEffectActionDescribeInContext")) return describeIn(e, in);
    if (is("OfxActionCreateInstance") || is("OfxActionDestroyInstance")) return OK;
    if (is("OfxActionInstanceChanged")) return changed(e, in);
    if (is("OfxImageEffectActionRender")) return render(e, in);
    if (is("OfxImageEffectActionGetFramesNeeded")) return framesNeeded(e, in, out);
    if (is("OfxImageEffectActionIsIdentity")) return identity(e, in, out);
    if (is("OfxImageEffectActionGetClipPreferences")) return preferences(e, out);
    if (is("OfxImageEffectActionGetOutputColourspace")) return colour(out);
    return Default;
}

static PluginStruct plugin = {
    "OfxImageEffectPluginAPI", 1, "test.dummy.Blend", 1, 2, [](Host* h) { host = h; }, act};

extern "C" __attribute__((visibility("default"))) int OfxGetNumberOfPlugins(void) { return 1; }
extern "C" __attribute__((visibility("default"))) PluginStruct* OfxGetPlugin(int nth) { return nth ? nullptr : &plugin; }

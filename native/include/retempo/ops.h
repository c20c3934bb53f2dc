// What can the native core do? This is the whole contract: views in, preallocated views out, no ownership.
//
// Every function of retempo::cpu has a twin of the same signature plus a stream in retempo::cuda (float
// only); there, all pointers are device memory of the device that is current, and the call only enqueues
// work. Shapes are right when a function is called: checks.h tests them at the door. Absent views have data
// == nullptr.
#pragma once

#include <cstdint>

#include "backward_warp.h"
#include "importance.h"
#include "inversion.h"
#include "splat_forward.h"
#include "susan.h"
#include "synthesize.h"
#include "view.h"

namespace retempo {

struct SplatOptions {
    Mode mode = Mode::softmax;
    FootprintKind footprint = FootprintKind::bilinear;
    double sigma = 0.5;         // pixels, Gaussian only
    int threads = 0;            // 0: all cores; the result never depends on it
    bool deterministic = false; // CUDA: the same bits on every run. The CPU always is.
};

// payload [N,C,H,W], flow [N,2,H,W], metric [N,1,H,W] (linear, softmax) -> out [N,C,H,W], norm [N,1,H,W],
// zmax [N,1,H,W] (softmax), coverage [N,1,H,W] (optional: sum of bilinear weights).
template <class T>
struct SplatForward {
    View4<const T> payload, flow, metric;
    View4<T> out, norm, zmax, coverage;
};

template <class T>
struct SplatBackward {
    View4<const T> grad_out, payload, flow, metric, out, norm, zmax;
    View4<T> grad_payload, grad_flow, grad_metric; // each may be absent
};

struct WarpOptions {
    Filter filter = Filter::bilinear;
    Border border = Border::edge;
    int threads = 0;
    bool deterministic = false;
};

// image [N,C,H,W], flow [N,2,h,w] -> out [N,C,h,w]
template <class T>
struct WarpForward {
    View4<const T> image, flow;
    View4<T> out;
};

template <class T>
struct WarpBackward {
    View4<const T> grad_out, image, flow;
    View4<T> grad_image, grad_flow; // each may be absent
};

// Channel-last: image [H,W,C], flow [h,w,2] -> out [h,w,C]; nearest for 32-bit ids (bits copied).
struct WarpImage {
    Image<const float> image, flow;
    Image<float> out;
};
struct WarpIds {
    Image<const uint32_t> ids;
    Image<const float> flow;
    Image<uint32_t> out;
};

// Channel-last: images [H,W,C], flows [H,W,2] -> splat, merge [H,W,1]; see importance.h. CPU only.
struct Importance {
    Image<const float> image0, image1, flow01, flow10;
    Image<float> splat, merge;
};

// Channel-last: frames [H,W,C] of one clip in order, C at most kSusanChannels -> frame `centre` smoothed;
// susan.h. CPU only.
struct Susan {
    const Image<const float>* frames = nullptr;
    int frame_count = 0, centre = 0;
    Image<float> out;
};

// Channel-last: flow01 [H,W,2] -> flow10 [H,W,2] and where it is seen [H,W,1] (1, or 0: filled); inversion.h.
// metric, trust [H,W,1] and guess [H,W,2] may be absent.
struct Inversion {
    Image<const float> flow, metric, trust, guess;
    Image<float> out;
    Image<uint8_t> seen;
    bool check_finite = false; // CPU: throw NonFiniteFlow, found while the flow is read anyway
};

// The fused inference path, see synthesize.h. `frames`, `ids` (or null) have frame_count entries, [H,W,C],
// [H,W,K]. `candidates` are host memory holding (device) pointers.
struct Synthesis {
    const Image<const float>* frames = nullptr;
    const Image<const uint32_t>* ids = nullptr;
    int frame_count = 0;
    const Candidate* candidates = nullptr;
    int candidate_count = 0;
    Strip strip;
    Image<float> out;          // [H',W,C]
    Image<uint32_t> ids_out;   // [H',W,K] or absent
    Image<uint8_t> hole;       // [H',W,1] or absent
    Image<float> weight_sum;   // [H',W,1] or absent
    bool check_finite = false; // CPU: throw NonFiniteFlow, found while the flow is read anyway
};

struct NonFiniteFlow {};

namespace cpu {

template <class T>
void splat_forward(const SplatForward<T>& views, const SplatOptions& options);
template <class T>
void splat_backward(const SplatBackward<T>& views, const SplatOptions& options);
template <class T>
void warp_forward(const WarpForward<T>& views, const WarpOptions& options);
template <class T>
void warp_backward(const WarpBackward<T>& views, const WarpOptions& options);
void warp_image(const WarpImage& views, const WarpOptions& options);
void warp_ids(const WarpIds& views, const WarpOptions& options);
void synthesize(const Synthesis& views, const SynthesisOptions& options);
bool importance(const Importance& views, const ImportanceOptions& options); // false: something is not finite
void invert_flow(const Inversion& views, const InversionOptions& options);
void susan(const Susan& views, const SusanOptions& options);

// Index of the first non-finite element, or -1.
template <class T>
int64_t find_non_finite(const T* data, int64_t count, int threads);

// Copies with all threads: the yardstick that benchmarks hold the operators against.
void parallel_copy(void* to, const void* from, int64_t bytes, int threads);

int default_threads();
const char* isa(); // "baseline", "avx2" or "avx512": what this process runs; RETEMPO_ISA lowers it

} // namespace cpu

namespace cuda {

// `stream` is a cudaStream_t; null is the default stream. Errors of the runtime throw std::runtime_error.
// DeviceGuard: bindings select the device of the arrays around each call.
bool available(); // a usable device is present
int device_count();
int current_device();
void set_device(int device);
const char* toolkit(); // "13.0"
const char* architectures();

void splat_forward(const SplatForward<float>& views, const SplatOptions& options, void* stream);
void splat_backward(const SplatBackward<float>& views, const SplatOptions& options, void* stream);
void warp_forward(const WarpForward<float>& views, const WarpOptions& options, void* stream);
void warp_backward(const WarpBackward<float>& views, const WarpOptions& options, void* stream);
void warp_image(const WarpImage& views, const WarpOptions& options, void* stream);
void warp_ids(const WarpIds& views, const WarpOptions& options, void* stream);
void synthesize(const Synthesis& views, const SynthesisOptions& options, void* stream);
void invert_flow(const Inversion& views, const InversionOptions& options, void* stream);
int64_t find_non_finite(const float* data, int64_t count, void* stream); // synchronises the stream

} // namespace cuda
} // namespace retempo

// Which variant of the kernels does this process run? The best the processor has, or the one RETEMPO_ISA
// names (baseline, avx2, avx512), read once; asking for more than the processor has gives what it has.
#include <cstdlib>
#include <string>

#include "kernels.h"

namespace retempo::cpu {

RETEMPO_DECLARE_VARIANT(baseline)
#ifdef RETEMPO_X86
RETEMPO_DECLARE_VARIANT(avx2)
RETEMPO_DECLARE_VARIANT(avx512)
#endif

namespace {

struct Choice {
    Kernels table{};
    const char* name = "baseline";

    Choice() {
        int level = 0;
#ifdef RETEMPO_X86
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx2")) level = 1;
        if (level == 1 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
            level = 2;
        if (const char* asked = std::getenv("RETEMPO_ISA")) {
            const std::string name(asked);
            if (name == "baseline") level = 0;
            if (name == "avx2") level = smaller(level, 1);
        }
        if (level == 2) fill(avx512::register_all, "avx512");
        if (level == 1) fill(avx2::register_all, "avx2");
#endif
        if (level == 0) fill(baseline::register_all, "baseline");
    }

    void fill(void (*register_all)(Kernels&), const char* isa_name) {
        register_all(table);
        name = isa_name;
    }
};

const Choice& choice() {
    static const Choice chosen;
    return chosen;
}

} // namespace

const char* isa() { return choice().name; }

template <>
void splat_forward(const SplatForward<float>& v, const SplatOptions& o) {
    choice().table.splat_forward_f(v, o);
}
template <>
void splat_forward(const SplatForward<double>& v, const SplatOptions& o) {
    choice().table.splat_forward_d(v, o);
}
template <>
void splat_backward(const SplatBackward<float>& v, const SplatOptions& o) {
    choice().table.splat_backward_f(v, o);
}
template <>
void splat_backward(const SplatBackward<double>& v, const SplatOptions& o) {
    choice().table.splat_backward_d(v, o);
}
template <>
void warp_forward(const WarpForward<float>& v, const WarpOptions& o) {
    choice().table.warp_forward_f(v, o);
}
template <>
void warp_forward(const WarpForward<double>& v, const WarpOptions& o) {
    choice().table.warp_forward_d(v, o);
}
template <>
void warp_backward(const WarpBackward<float>& v, const WarpOptions& o) {
    choice().table.warp_backward_f(v, o);
}
template <>
void warp_backward(const WarpBackward<double>& v, const WarpOptions& o) {
    choice().table.warp_backward_d(v, o);
}
void warp_image(const WarpImage& v, const WarpOptions& o) { choice().table.warp_image(v, o); }
void warp_ids(const WarpIds& v, const WarpOptions& o) { choice().table.warp_ids(v, o); }
void synthesize(const Synthesis& v, const SynthesisOptions& o) { choice().table.synthesize(v, o); }
bool importance(const Importance& v, const ImportanceOptions& o) { return choice().table.importance(v, o); }
void invert_flow(const Inversion& v, const InversionOptions& o) { choice().table.invert_flow(v, o); }
void susan(const Susan& v, const SusanOptions& o) { choice().table.susan(v, o); }
template <>
int64_t find_non_finite(const float* d, int64_t n, int t) {
    return choice().table.find_non_finite_f(d, n, t);
}
template <>
int64_t find_non_finite(const double* d, int64_t n, int t) {
    return choice().table.find_non_finite_d(d, n, t);
}

} // namespace retempo::cpu

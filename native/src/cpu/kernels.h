// Which functions exist once per instruction set? These; dispatch.cpp picks the set when the process starts.
#pragma once

#include "retempo/ops.h"

namespace retempo::cpu {

struct Kernels {
    void (*splat_forward_f)(const SplatForward<float>&, const SplatOptions&);
    void (*splat_forward_d)(const SplatForward<double>&, const SplatOptions&);
    void (*splat_backward_f)(const SplatBackward<float>&, const SplatOptions&);
    void (*splat_backward_d)(const SplatBackward<double>&, const SplatOptions&);
    void (*warp_forward_f)(const WarpForward<float>&, const WarpOptions&);
    void (*warp_forward_d)(const WarpForward<double>&, const WarpOptions&);
    void (*warp_backward_f)(const WarpBackward<float>&, const WarpOptions&);
    void (*warp_backward_d)(const WarpBackward<double>&, const WarpOptions&);
    void (*warp_image)(const WarpImage&, const WarpOptions&);
    void (*warp_ids)(const WarpIds&, const WarpOptions&);
    void (*synthesize)(const Synthesis&, const SynthesisOptions&);
    bool (*importance)(const Importance&, const ImportanceOptions&);
    void (*invert_flow)(const Inversion&, const InversionOptions&);
    void (*susan)(const Susan&, const SusanOptions&);
    int64_t (*find_non_finite_f)(const float*, int64_t, int);
    int64_t (*find_non_finite_d)(const double*, int64_t, int);
};

// Each variant fills its part of the table.
#define RETEMPO_DECLARE_VARIANT(isa)                                                                         \
    namespace isa {                                                                                          \
    void register_splat(Kernels& table);                                                                     \
    void register_warp(Kernels& table);                                                                      \
    void register_synthesize(Kernels& table);                                                                \
    void register_finite(Kernels& table);                                                                    \
    void register_importance(Kernels& table);                                                                \
    void register_inversion(Kernels& table);                                                                 \
    void register_susan(Kernels& table);                                                                     \
    inline void register_all(Kernels& table) {                                                               \
        register_splat(table);                                                                               \
        register_warp(table);                                                                                \
        register_synthesize(table);                                                                          \
        register_finite(table);                                                                              \
        register_importance(table);                                                                          \
        register_inversion(table);                                                                           \
        register_susan(table);                                                                               \
    }                                                                                                        \
    }

} // namespace retempo::cpu

// Is every number finite? Whole blocks are tested without a branch; only a bad block is searched.
#include "kernels.h"
#include "threads.h"

#include <atomic>

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

template <class T>
int64_t find(const T* data, int64_t count, int threads) {
    constexpr int64_t block = 1 << 18, inner = 256;
    std::atomic<int64_t> first{count};
    auto body = [&](int64_t piece) {
        const int64_t end = smaller((piece + 1) * block, count);
        for (int64_t i = piece * block; i < end; i += inner) {
            const int64_t stop = smaller(i + inner, end);
            int bad = 0;
            for (int64_t k = i; k < stop; ++k) bad += !(data[k] - data[k] == T(0));
            if (!bad) continue;
            while (is_finite(data[i])) ++i;
            int64_t seen = first.load();
            while (i < seen && !first.compare_exchange_weak(seen, i)) {}
            return;
        }
    };
    for_pieces((count + block - 1) / block, threads, body);
    return first == count ? -1 : first.load();
}

} // namespace

void register_finite(Kernels& table) {
    table.find_non_finite_f = find<float>;
    table.find_non_finite_d = find<double>;
}

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

// Which source pixels reach a band of target rows? Bounds per segment of a source row, found in one cheap
// pass.
//
// A band of target rows is owned by one thread, which visits the overlapping segments in source scan order
// and adds only the taps inside its band. Every target therefore sums its contributions in source scan order,
// whatever the bands and the threads are.
#pragma once

#include "retempo/view.h"
#include "threads.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {

constexpr int kSegment = 64;

struct RowRange {
    int first, last; // landing rows, inclusive; empty when first > last
    RT_HD void include(int f, int l) {
        first = smaller(first, f);
        last = larger(last, l);
    }
};

// Lowest and highest row that `count` pixels of source row y reach, for dy(i) their vertical displacement and
// a footprint of `before` rows above and `after` rows below the cell.
template <class Dy>
RT_HD RowRange reach(int count, int y, int before, int after, Dy&& dy) {
    using T = decltype(dy(0));
    T low = dy(0), high = low;
    for (int i = 1; i < count; ++i) {
        const T d = dy(i);
        low = d < low ? d : low;
        high = d > high ? d : high;
    }
    return {y + split(low).cell - before, y + split(high).cell + after};
}

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

// Which source pixels land near this target, in an order that is the same on every run?
//
// Sources are grouped by the cell (floor of x, floor of y) in which they land: counted with integer atomics,
// scanned, filled, and each cell's list sorted by source index. A target then *gathers* from the few cells
// its taps can come from, in a fixed order: no float atomics, so the same bits every time, at full float
// precision.
//
// Taps span [lo, hi] around the floor: bilinear [0, 1], Gaussian 4x4 and bicubic [-1, 2], Lanczos4 [-3, 4],
// nearest [0, 0]. Cells cover floors in [-hi, side - 1 - lo]; a target at t is reached from cells t .. t + hi
// - lo, which are neighbours in memory, so that a row of them is one contiguous run of sources.
//
// No CUDA in here: a test compiles this file for the CPU.
#pragma once

#include "retempo/view.h"

namespace retempo::cuda {

struct TapSpan {
    int lo;
    int hi;
};

constexpr int kMaxListSide = 1 << 16;

// A source pixel as one number whose order is scan order.
RT_HD uint32_t pack(int y, int x) { return static_cast<uint32_t>(y) << 16 | static_cast<uint32_t>(x); }

struct LandingLists {
    const uint32_t* first;  // [samples * cells_y * cells_x + 1] start of each cell's run in `source`
    const uint32_t* source; // [landed] packed sources
    TapSpan span;
    int cells_x;
    int cells_y;

    // Calls visit_one(y, x) for every source whose taps can reach target (tx, ty) of `sample`, in fixed
    // order.
    template <class Visit>
    RT_HD void visit(int64_t sample, int ty, int tx, Visit&& visit_one) const {
        const int reach = span.hi - span.lo;
        for (int row = ty; row <= ty + reach; ++row) {
            const int64_t cell = (sample * cells_y + row) * cells_x + tx;
            const uint32_t end = first[cell + reach + 1];
            for (uint32_t slot = first[cell]; slot < end; ++slot) {
                const uint32_t packed = source[slot];
                visit_one(static_cast<int>(packed >> 16), static_cast<int>(packed & 0xffffu));
            }
        }
    }
};

// Floor of a landing point as a cell number in [0, cells), or -1 when no tap can touch the frame.
// `held`: taps are clamped to the frame (edge border), so nothing is lost.
RT_HD int cell_of(int floor, int cells, TapSpan span, bool held) {
    const int cell = floor + span.hi;
    if (held) return clamped(cell, 0, cells - 1);
    return cell < 0 || cell >= cells ? -1 : cell;
}

// Cell of a landing floor in the lists of several samples, or -1.
RT_HD int64_t landing_cell(int64_t sample, int floor_y, int floor_x, const LandingLists& shape, bool held) {
    const int cx = cell_of(floor_x, shape.cells_x, shape.span, held);
    const int cy = cell_of(floor_y, shape.cells_y, shape.span, held);
    if (cx < 0 || cy < 0) return -1;
    return (sample * shape.cells_y + cy) * shape.cells_x + cx;
}

// Bitonic sort in the form whose comparisons all point the same way, so that any length works: behind the end
// stands +infinity, which never moves. A run doubles from 2; it is mirrored once, then gaps halve from run
// / 4.
struct Pair {
    uint64_t left, right;
};

RT_HD uint64_t pairs_in(uint64_t length, uint64_t run) { return (length + run - 1) / run * (run / 2); }

RT_HD Pair mirrored_pair(uint64_t i, uint64_t run) {
    const uint64_t half = run / 2;
    const uint64_t base = i / half * run;
    return {base + i % half, base + run - 1 - i % half};
}

RT_HD Pair gap_pair(uint64_t i, uint64_t gap) {
    const uint64_t left = i / gap * gap * 2 + i % gap;
    return {left, left + gap};
}

RT_HD void put_in_order(uint32_t* list, Pair pair, uint64_t length) {
    if (pair.right >= length) return;
    const uint32_t a = list[pair.left];
    const uint32_t b = list[pair.right];
    if (b < a) {
        list[pair.left] = b;
        list[pair.right] = a;
    }
}

} // namespace retempo::cuda

// What does one pixel of an inverse flow collect from its landing lists, and which seen pixel is nearest to a
// hole? No CUDA in here.
#pragma once

#include <cmath>

#include "landing_cells.h"
#include "retempo/ops.h"

namespace retempo::cuda {

// The bilinear weight of the vector of (sx, sy) on (x, y).
RT_HD float vector_weight(const Vector& q, int sx, int sy, int x, int y) {
    const Split<float> dx = split(q.dx), dy = split(q.dy);
    return Bilinear{}.weight(y - (sy + dy.cell), dy.fraction) *
           Bilinear{}.weight(x - (sx + dx.cell), dx.fraction);
}

// Target (x, y); the lists hold all pixels of the frame.
RT_HD Inverse gather_inverse(const Inversion& v, const LandingLists& lists, int x, int y) {
    const bool weighted = static_cast<bool>(v.metric);
    float zmax = -INFINITY;
    if (weighted)
        lists.visit(0, y, x, [&](int sy, int sx) {
            const Vector q = vector_at(v.flow, v.metric, v.trust, sx, sy);
            if (q.alive && q.z > zmax && vector_weight(q, sx, sy, x, y) != 0.0f) zmax = q.z;
        });
    const float* own = v.flow.at(y, x);
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    lists.visit(0, y, x, [&](int sy, int sx) {
        const Vector q = vector_at(v.flow, v.metric, v.trust, sx, sy);
        if (!q.alive) return;
        const float b = vector_weight(q, sx, sy, x, y);
        if (b == 0.0f) return;
        const float w = weighted ? b * exp_of(q.z - zmax) : b, trusted = w * q.trust;
        sums[0] += trusted * (own[0] - q.dx);
        sums[1] += trusted * (own[1] - q.dy);
        sums[2] += trusted;
        sums[3] += w;
    });
    return resolve_inverse(sums, -own[0], -own[1], static_cast<bool>(v.trust));
}

// rows[y][x]: the row of the seen pixel of column x that is nearest to row y, or kNoRow (inversion.h).
RT_HD void find_rows_of_column(const Inversion& v, int* rows, int x) {
    const int width = static_cast<int>(v.out.w), height = static_cast<int>(v.out.h);
    int last = kNoRow;
    for (int y = 0; y < height; ++y) {
        last = *v.seen.at(y, x) ? y : last;
        rows[static_cast<int64_t>(y) * width + x] = last;
    }
    last = kNoRow;
    for (int y = height - 1; y >= 0; --y) {
        last = *v.seen.at(y, x) ? y : last;
        int& row = rows[static_cast<int64_t>(y) * width + x];
        row = nearer_row(y, row, last);
    }
}

// Looks outwards for the nearest seen pixel of hole (x, y); false when there is none.
RT_HD bool find_nearest(const int* rows, int width, int x, int y, int* column, int* row) {
    const int* line = rows + static_cast<int64_t>(y) * width;
    int64_t least = INT64_MAX;
    for (int reach = 0; reach < width && static_cast<int64_t>(reach) * reach <= least; ++reach) {
        const int sides[2] = {x - reach, x + reach};
        for (int side = 0; side < 2; ++side) {
            const int c = sides[side];
            if (c < 0 || c >= width || line[c] == kNoRow) continue;
            const int64_t distance = distance_squared(x, y, c, line[c]);
            if (distance < least || (distance == least && c < *column)) {
                least = distance;
                *column = c;
                *row = line[c];
            }
        }
    }
    return least != INT64_MAX;
}

} // namespace retempo::cuda

// Inverse flow on the CPU. Bands of target rows collect the vectors that land in them, as synthesize does;
// then holes look for the nearest pixel that is seen, in linear time: the nearest row of each column, then
// the lower envelope of the columns' parabolas along each run of holes.
#include "kernels.h"
#include "segments.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {
namespace {

constexpr int kBand = 16; // target rows whose sums stay in the second-level cache

enum Slot { kRanges, kSums, kMaximum, kLine, kConstants, kHoles, kRows, kEnvelope };

// Everything about a call that the bands share.
struct Field {
    const Inversion& v;
    Candidate candidate; // the flow with scale 1; rows of constants where metric or trust are absent
    const RowRange* segments;
    const RowRange* lines; // of whole source rows
    int* holes;            // [H] how many targets of a row are not seen
    int width, height, per_line;
};

// Visits the source segments that reach `rows`, in scan order.
template <class Visit>
RT_HD void for_each_segment(const Field& field, Rows rows, Visit&& visit) {
    for (int y = 0; y < field.height; ++y) {
        if (field.lines[y].last < rows.first || field.lines[y].first >= rows.last) continue;
        for (int s = 0; s < field.per_line; ++s) {
            const RowRange range = field.segments[int64_t(y) * field.per_line + s];
            if (range.last < rows.first || range.first >= rows.last) continue;
            visit(y, s * kSegment, smaller(kSegment, field.width - s * kSegment));
        }
    }
}

void splat_band(const Field& field, Rows rows) {
    const Inversion& v = field.v;
    const int width = field.width, count = rows.last - rows.first;
    const bool bounded = !v.metric;
    const size_t pixels = static_cast<size_t>(count) * width;
    double* sums = static_cast<double*>(scratch(kSums, sizeof(double) * 4 * pixels));
    float* maximum = bounded ? nullptr : static_cast<float*>(scratch(kMaximum, sizeof(float) * pixels));
    int64_t* line = static_cast<int64_t*>(scratch(kLine, sizeof(int64_t) * count));
    memset(sums, 0, sizeof(double) * 4 * pixels);
    for (int k = 0; k < count; ++k) line[k] = int64_t(k) * width;
    const Ring ring{sums, nullptr, maximum, line, line, rows.first, width};
    Prepared<2> p;
    const auto prepare = [&](int y, int x0, int n) __attribute__((always_inline)) {
        prepare_segment<true>(p, Bilinear{}, Bilinear{}, field.candidate, bounded, x0, y, y, n);
    };
    if (bounded) {
        for_each_segment(field, rows, [&](int y, int x0, int n) {
            prepare(y, x0, n);
            add_segment<true>(p, ring, rows, x0, n);
        });
    } else {
        for (size_t k = 0; k < pixels; ++k) maximum[k] = -__builtin_inff();
        for_each_segment(field, rows, [&](int y, int x0, int n) {
            prepare(y, x0, n);
            raise_segment(p, ring, rows, x0, n);
        });
        for_each_segment(field, rows, [&](int y, int x0, int n) {
            prepare(y, x0, n);
            add_segment<false>(p, ring, rows, x0, n);
        });
    }
    for (int y = rows.first; y < rows.last; ++y) {
        const double* s = sums + line[y - rows.first] * 4;
        float* out = v.out.at(y, 0);
        uint8_t* seen = v.seen.at(y, 0);
        const bool trusting = static_cast<bool>(v.trust);
        int holes = 0;
        for (int x = 0; x < width; ++x) {
            const Inverse made = resolve_inverse(s + 4 * x, 0.0f, 0.0f, trusting);
            out[2 * x] = made.dx;
            out[2 * x + 1] = made.dy;
            seen[x] = made.seen;
            holes += !made.seen;
        }
        field.holes[y] = holes;
        if (holes && v.guess) {
            const float* guess = v.guess.at(y, 0);
            for (int x = 0; x < width; ++x)
                if (!seen[x]) memcpy(out + 2 * x, guess + 2 * x, 2 * sizeof(float));
        }
    }
}

// nearest[y][x] of the columns [x0, x0 + n): the row of the nearest seen pixel of the column, or kNoRow.
void find_rows(const Inversion& v, int* nearest, int x0, int n) {
    const int width = static_cast<int>(v.out.w), height = static_cast<int>(v.out.h);
    int last[kSegment];
    for (int k = 0; k < n; ++k) last[k] = kNoRow;
    for (int y = 0; y < height; ++y) {
        const uint8_t* seen = v.seen.at(y, x0);
        int* row = nearest + int64_t(y) * width + x0;
        for (int k = 0; k < n; ++k) row[k] = last[k] = seen[k] ? y : last[k];
    }
    for (int k = 0; k < n; ++k) last[k] = kNoRow;
    for (int y = height - 1; y >= 0; --y) {
        const uint8_t* seen = v.seen.at(y, x0);
        int* row = nearest + int64_t(y) * width + x0;
        for (int k = 0; k < n; ++k) {
            last[k] = seen[k] ? y : last[k];
            row[k] = nearer_row(y, row[k], last[k]);
        }
    }
}

// The columns whose pixels are nearest to the holes [first, last) of row y, from left to right: column[i]
// from target start[i] on. At equal distance the left column stays. Returns how many there are.
int find_envelope(const int* rows, int width, int y, int first, int last, int* column, int* start) {
    int count = 0;
    for (int x = larger(first - 1, 0); x < smaller(last + 1, width); ++x) {
        if (rows[x] == kNoRow) continue;
        while (count > 0 &&
               distance_squared(start[count - 1], y, x, rows[x]) <
                   distance_squared(start[count - 1], y, column[count - 1], rows[column[count - 1]]))
            --count;
        if (count == 0) {
            column[0] = x;
            start[0] = first;
            count = 1;
            continue;
        }
        // x is nearer from where 2 t (x - c) > x^2 - c^2 + dy(x)^2 - dy(c)^2 on
        const int64_t c = column[count - 1];
        const int64_t gap = 2 * (x - c), excess = distance_squared(0, y, x, rows[x]) -
                                                  distance_squared(0, y, column[count - 1], rows[c]);
        const int64_t from = excess < 0 ? first : excess / gap + 1;
        if (from >= last) continue;
        column[count] = x;
        start[count++] = static_cast<int>(from);
    }
    return count;
}

void fill_row(const Inversion& v, const int* nearest, int y) {
    const int width = static_cast<int>(v.out.w);
    const uint8_t* seen = v.seen.at(y, 0);
    const int* rows = nearest + int64_t(y) * width;
    float* out = v.out.at(y, 0);
    int* column = static_cast<int*>(scratch(kEnvelope, sizeof(int) * 2 * static_cast<size_t>(width)));
    int* start = column + width;
    for (int x = 0; x < width; ++x) {
        if (seen[x]) continue;
        int end = x;
        while (end < width && !seen[end]) ++end;
        const int count = find_envelope(rows, width, y, x, end, column, start);
        for (int i = 0; i < count; ++i) {
            const int stop = i + 1 < count ? start[i + 1] : end;
            const float* from = v.out.at(rows[column[i]], column[i]);
            for (int k = start[i]; k < stop; ++k) memcpy(out + 2 * k, from, 2 * sizeof(float));
        }
        if (count == 0) memset(out + 2 * x, 0, sizeof(float) * 2 * (end - x));
        x = end;
    }
}

void fill_holes(const Inversion& v, const int* holes, int threads) {
    const int width = static_cast<int>(v.out.w), height = static_cast<int>(v.out.h);
    int64_t all = 0;
    for (int y = 0; y < height; ++y) all += holes[y];
    if (all == 0) return;
    int* nearest = static_cast<int*>(scratch(kRows, sizeof(int) * static_cast<size_t>(height) * width));
    auto columns = [&](int64_t s) {
        const int x0 = static_cast<int>(s) * kSegment;
        find_rows(v, nearest, x0, smaller(kSegment, width - x0));
    };
    for_pieces((width + kSegment - 1) / kSegment, threads, columns);
    auto body = [&](int64_t y) {
        if (holes[y]) fill_row(v, nearest, static_cast<int>(y));
    };
    for_pieces(height, threads, body);
}

void invert(const Inversion& v, const InversionOptions& options) {
    const int width = static_cast<int>(v.flow.w), height = static_cast<int>(v.flow.h);
    if (width == 0 || height == 0) return;
    const int per_line = (width + kSegment - 1) / kSegment;
    RowRange* segments = static_cast<RowRange*>(
        scratch(kRanges, sizeof(RowRange) * static_cast<size_t>(height) * (per_line + 1)));
    RowRange* lines = segments + int64_t(height) * per_line;
    int non_finite = 0; // only ever set
    auto measure = [&](int64_t y) {
        RowRange all{1 << 29, -(1 << 29)};
        float wrong = 0.0f;
        for (int s = 0; s < per_line; ++s) {
            float low, high;
            vertical_bounds(v.flow.at(y, s * kSegment), smaller(kSegment, width - s * kSegment), low, high,
                            wrong);
            const int here = static_cast<int>(y);
            const RowRange range{here + split(low).cell, here + split(high).cell + 1};
            segments[y * per_line + s] = range;
            all.include(range.first, range.last);
        }
        lines[y] = all;
        if (!(wrong == 0.0f)) __atomic_store_n(&non_finite, 1, __ATOMIC_RELAXED);
    };
    for_pieces(height, options.threads, measure);
    if (v.check_finite && non_finite) throw NonFiniteFlow();

    float* constants =
        static_cast<float*>(scratch(kConstants, sizeof(float) * 2 * static_cast<size_t>(width)));
    for (int x = 0; x < width; ++x) {
        constants[x] = 0.0f;
        constants[width + x] = 1.0f;
    }
    const auto or_row = [&](const Image<const float>& plane, const float* row) {
        return plane ? plane : Image<const float>{row, height, width, 1, 0};
    };
    int* holes = static_cast<int*>(scratch(kHoles, sizeof(int) * static_cast<size_t>(height)));
    const Field field{
        v,        {0, v.flow, or_row(v.metric, constants), or_row(v.trust, constants + width), 1.0f, 1.0f},
        segments, lines,
        holes,    width,
        height,   per_line};
    auto body = [&](int64_t piece) {
        const int first = static_cast<int>(piece) * kBand;
        splat_band(field, {first, smaller(first + kBand, height)});
    };
    for_pieces((height + kBand - 1) / kBand, options.threads, body);
    if (!v.guess) fill_holes(v, holes, options.threads);
}

} // namespace

void register_inversion(Kernels& table) { table.invert_flow = invert; }

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

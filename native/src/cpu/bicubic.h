// How are bicubic samples taken quickly? The weights of kSegment positions at once, lane by lane; then, for
// each position whose 4 x 4 texels all exist, four channels at a time (with three or four, several texels of
// a row in one register), or in a planar image as many neighbours at a time as lead to neighbours. The same
// operations in the same order as CatmullRomFilter and sample (backward_warp.h): the same bits.
#pragma once

#include "bands.h"
#include "retempo/backward_warp.h"
#include "vectors.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {

// kSegment sampling positions (cell, fraction), weighed; `Fl` says whether samples are limited.
template <class Fl>
struct BicubicSegment {
    static constexpr int after = 2;                                        // texels behind the cell
    static constexpr bool takes_four = true;                               // has sample_four
    alignas(64) float x[4][kSegment], y[4][kSegment], across[kSegment][4]; // across[k][tap] = x[tap][k]
    const float *fx, *fy;

    BicubicSegment(const float* fraction_x, const float* fraction_y) : fx(fraction_x), fy(fraction_y) {
        for (int i = 0; i < kSegment; i += kLanes) {
            floats w[4], mixed[4];
            catmull_rom(load<floats>(fy + i), w);
            for (int tap = 0; tap < 4; ++tap) store(y[tap] + i, w[tap]);
            catmull_rom(load<floats>(fx + i), w);
            for (int tap = 0; tap < 4; ++tap) store(x[tap] + i, w[tap]);
            interleave(w[0], w[1], w[2], w[3], mixed);
            store(across[i], mixed);
        }
    }

    // Do all texels of position k exist in a width x height image of so many channels (with three: and one
    // float behind them)?
    RT_HD bool is_plain(int, int cell_x, int cell_y, int width, int height, int channels) const {
        const int right = channels == 3 ? 3 : 2;
        return cell_x >= 1 && cell_x + right < width && cell_y >= 1 && cell_y + 2 < height;
    }

    // Do all 16 taps of position k count?
    RT_HD bool is_full(int k) const { return x[0][k] != 0.0f && y[0][k] != 0.0f; }

    // As LanczosSegment::sample_at.
    template <class Take>
    RT_HD void sample_at(int k, const float* cell, int64_t pitch, int channels, Take&& take) const {
        if (channels == 3) return take(0, total<3, float4>(k, cell, pitch, 3));
        if (channels == 4) return take(0, total<4, float4>(k, cell, pitch, 4));
        int c = 0;
        for (; c + 4 <= channels; c += 4) take(c, total<0, float4>(k, cell + c, pitch, channels));
        for (; c < channels; ++c) take(c, total<0, float>(k, cell + c, pitch, channels));
    }

    // Position k of a planar image.
    RT_HD float sample_planar(int k, const float* cell, int64_t pitch) const {
        return total<0, float>(k, cell, pitch, 1);
    }

    // Position k, not plain: read(iy, ix) gives the texels inside.
    template <class Read>
    RT_HD float sample_border(int k, int cell_x, int cell_y, int width, int height, Border border,
                              Read&& read) const {
        return sample(aim(Fl{}, cell_x, cell_y, fx[k], fy[k], width, height, border), read);
    }

    // Positions k .. k + kLanes - 1, all full, whose cells are neighbours in one planar row; `cell` is that
    // of k.
    RT_HD floats sample_neighbours(int k, const float* cell, int64_t pitch) const {
        floats down[4], column[4];
        for (int tap = 0; tap < 4; ++tap) down[tap] = load<floats>(y[tap] + k);
        for (int tap = 0; tap < 4; ++tap) {
            const float* top = cell - pitch + (tap - 1);
            column[tap] = load<floats>(x[tap] + k) *
                          (down[0] * load<floats>(top) + down[1] * load<floats>(top + pitch) +
                           down[2] * load<floats>(top + 2 * pitch) + down[3] * load<floats>(top + 3 * pitch));
        }
        const floats sum = (column[0] + column[2]) + (column[1] + column[3]);
        return limit(sum, cell, 1, pitch);
    }

#if defined(__AVX512VL__)
    // The C channels (3 or 4) of the positions k .. k + 3, all full, side by side; cell[j]: the texel of k +
    // j.
    template <int C>
    RT_HD floats sample_four(int k, const float* const* cell, int64_t pitch) const {
        floats sum[4], low[4], high[4]; // the texels of a row: four channels each, one of three is idle
        RT_UNROLL for (int j = 0; j < 4; ++j) {
            const float* corner = cell[j] - pitch - C;
            const auto row = [&](int i) {
                return (floats)_mm512_maskz_loadu_ps(C == 4 ? 0xffff : 0x0fff, corner + i * pitch);
            };
            const floats r1 = row(1), r2 = row(2);
            sum[j] = spread_weights(k + j) * apart<C>(y[0][k + j] * row(0) + y[1][k + j] * r1 +
                                                      y[2][k + j] * r2 + y[3][k + j] * row(3));
            low[j] = apart<C>(least(r1, r2));
            high[j] = apart<C>(most(r1, r2));
        }
        const floats sum01 = lanes<0x44>(sum[0], sum[1]) + lanes<0xee>(sum[0], sum[1]);
        const floats sum23 = lanes<0x44>(sum[2], sum[3]) + lanes<0xee>(sum[2], sum[3]);
        floats v = lanes<0x88>(sum01, sum23) + lanes<0xdd>(sum01, sum23);
        const floats low01 = lanes<0x99>(low[0], low[1]), low23 = lanes<0x99>(low[2], low[3]);
        const floats high01 = lanes<0x99>(high[0], high[1]), high23 = lanes<0x99>(high[2], high[3]);
        if constexpr (Fl::limited) {
            const floats floor = least(lanes<0x88>(low01, low23), lanes<0xdd>(low01, low23));
            const floats ceiling = most(lanes<0x88>(high01, high23), lanes<0xdd>(high01, high23));
            v = (floats)_mm512_maskz_max_ps(0xffff, (__m512)floor, (__m512)v); // of equals, and of NaN, v
            v = (floats)_mm512_maskz_min_ps(0xffff, (__m512)ceiling, (__m512)v);
        }
        if constexpr (C == 4) return v;
        return (floats)_mm512_maskz_permutexvar_ps(
            0xffff, _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15), (__m512)v);
    }
#endif

  private:
#if defined(__AVX512VL__)
    // Quarters of a, a, b, b by number.
    template <int Quarters>
    RT_HD static floats lanes(floats a, floats b) {
        return (floats)_mm512_maskz_shuffle_f32x4(0xffff, (__m512)a, (__m512)b, Quarters);
    }
    // view.h: smaller, larger
    RT_HD static floats least(floats a, floats b) {
        return (floats)_mm512_maskz_min_ps(0xffff, (__m512)b, (__m512)a);
    }
    RT_HD static floats most(floats a, floats b) {
        return (floats)_mm512_maskz_max_ps(0xffff, (__m512)b, (__m512)a);
    }
    // Four texels of C channels, a quarter each.
    template <int C>
    RT_HD static floats apart(floats row) {
        if constexpr (C == 4) return row;
        return (floats)_mm512_maskz_permutexvar_ps(
            0xffff, _mm512_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12), (__m512)row);
    }
    // The weight of tap i in quarter i.
    RT_HD floats spread_weights(int k) const {
        return (floats)_mm512_maskz_permutexvar_ps(
            0xffff, _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3),
            _mm512_castps128_ps512(_mm_load_ps(across[k])));
    }
#endif

    // Limits to the range of the texel at `cell`, that `right` of it and those `below` (0: there is none).
    template <class V>
    RT_HD static V limit(V v, const float* cell, int64_t right, int64_t below) {
        if constexpr (!Fl::limited) return v;
        const V a = load<V>(cell), b = load<V>(cell + right), c = load<V>(cell + below),
                d = load<V>(cell + below + right);
        const V low = c < a ? c : a, high = a < c ? c : a, low_right = d < b ? d : b,
                high_right = b < d ? d : b;
        const V least = low_right < low ? low_right : low, most = high < high_right ? high_right : high;
        v = v < least ? least : v;
        return most < v ? most : v;
    }

    // C channels of interest lie side by side and nothing else; 0: any.
    template <int C, class V>
    RT_HD V total(int k, const float* cell, int64_t pitch, int channels) const {
        const bool still_x = x[0][k] == 0.0f, still_y = y[0][k] == 0.0f;
        const float* corner = cell - pitch - channels;
        const float w0 = y[0][k], w1 = y[1][k], w2 = y[2][k], w3 = y[3][k];
        V sum;
#if defined(__AVX512VL__)
        if constexpr (C == 3 || C == 4) { // the four texels of a row in one register
            const __mmask16 all = C == 4 ? 0xffff : 0x0fff, own = C == 4 ? 0x00f0 : 0x0038;
            const __mmask16 beside = still_x ? own : all, around = still_y ? __mmask16(0) : beside;
            const auto row = [&](int j, __mmask16 mask) {
                return (floats)_mm512_maskz_loadu_ps(mask, corner + j * pitch);
            };
            const floats columns = spread_weights(k) * apart<C>(w0 * row(0, around) + w1 * row(1, beside) +
                                                                w2 * row(2, around) + w3 * row(3, around));
            const __m256 pairs = _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xff, (__m512)columns, 0),
                                               _mm512_maskz_extractf32x8_ps(0xff, (__m512)columns, 1));
            sum = (V)_mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
            return limit(sum, cell, still_x ? 0 : channels, still_y ? 0 : pitch);
        }
#elif defined(__AVX2__)
        if constexpr (C == 4) { // two texels of a row
            if (!still_x && !still_y) {
                const auto columns = [&](const float* top, float left, float right) {
                    const float8 w = (float8)_mm256_set_m128(_mm_set1_ps(right), _mm_set1_ps(left));
                    return w * (w0 * load<float8>(top) + w1 * load<float8>(top + pitch) +
                                w2 * load<float8>(top + 2 * pitch) + w3 * load<float8>(top + 3 * pitch));
                };
                const __m256 pairs = (__m256)(columns(corner, x[0][k], x[1][k]) +
                                              columns(corner + 2 * channels, x[2][k], x[3][k]));
                sum = (V)_mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1));
                return limit(sum, cell, channels, pitch);
            }
        }
#endif
        const auto column = [&](int tap) { // + 0: as if the taps of weight 0 were read as 0
            const float* top = corner + tap * channels;
            if (still_y) return load<V>(top + pitch) + V{};
            return w0 * load<V>(top) + w1 * load<V>(top + pitch) + w2 * load<V>(top + 2 * pitch) +
                   w3 * load<V>(top + 3 * pitch);
        };
        if (still_x)
            sum = column(1) + V{};
        else
            sum = (x[0][k] * column(0) + x[2][k] * column(2)) + (x[1][k] * column(1) + x[3][k] * column(3));
        return limit(sum, cell, still_x ? 0 : channels, still_y ? 0 : pitch);
    }
};

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

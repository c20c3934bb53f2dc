// How are Lanczos samples taken quickly? The weights of kSegment positions at once, lane by lane; then, for
// each position whose 8 x 8 texels all exist, four channels at a time, or in a planar image as many
// neighbours at a time as lead to neighbours. The same operations in the same order as Lanczos4Filter and
// sample (backward_warp.h): the same bits.
#pragma once

#include "bands.h"
#include "retempo/backward_warp.h"
#include "vectors.h"

namespace retempo::cpu {
namespace RETEMPO_ISA {

// backward_warp.h: sine_cosine_quarter, lane by lane.
RT_HD void sine_cosine_lanes(floats a, floats& s, floats& c) {
    const floats q = a * a;
    const auto horner = [&](float outer, floats inner) { return outer + q * inner; };
    floats p = horner(float(-1.0 / 39916800), splat_of<floats>(float(1.0 / 6227020800.0)));
    p = horner(float(1.0 / 362880), p);
    p = horner(float(-1.0 / 5040), p);
    p = horner(float(1.0 / 120), p);
    p = horner(float(-1.0 / 6), p);
    s = a * horner(1.0f, p);
    p = horner(float(1.0 / 479001600.0), splat_of<floats>(float(-1.0 / 87178291200.0)));
    p = horner(float(-1.0 / 3628800), p);
    p = horner(float(1.0 / 40320), p);
    p = horner(float(-1.0 / 720), p);
    p = horner(float(1.0 / 24), p);
    p = horner(-0.5f, p);
    c = horner(1.0f, p);
}

// Weights of kSegment fractions; `odd` grows by 1 where one of them vanishes though the fraction does not.
inline void weigh_lanczos(const float* fraction, float (*weight)[kSegment], int* odd) {
    const float pi = 3.14159265358979324f, h = 0.70710678118654752f;
    for (int i = 0; i < kSegment; i += kLanes) {
        const floats f = load<floats>(fraction + i), zero = {};
        floats s4, c4, s8, c8;
        sine_cosine_lanes(f * (pi / 4.0f), s4, c4);
        sine_cosine_lanes((f < 0.5f ? f : 1.0f - f) * (pi / 2.0f), s8, c8);
        const floats s1 = 2.0f * s8 * c8;
        const floats sq[8] = {h * (c4 - s4), c4, h * (s4 + c4), s4, h * (s4 - c4), -c4, -h * (s4 + c4), -s4};
        floats w[8], sum = zero;
        for (int k = 0; k < 8; ++k) {
            const floats u = f + static_cast<float>(3 - k), pu = pi * u;
            const float sign = (k & 1) ? 1.0f : -1.0f;
            const floats series = 1.0f - pi * pi * float(17.0 / 96.0) * u * u;
            w[k] = u * u < 1e-6f ? series : 4.0f * (sign * s1) * sq[k] / (pu * pu);
            sum += w[k];
        }
        const floats inverse = 1.0f / sum;
        ints vanishes = {};
        for (int k = 0; k < 8; ++k) {
            w[k] *= inverse;
            vanishes |= w[k] == 0.0f;
            store(weight[k] + i, f == 0.0f ? splat_of<floats>(k == 3 ? 1.0f : 0.0f) : w[k]);
        }
        store(odd + i, load<ints>(odd + i) - (f == 0.0f ? ints{} : vanishes));
    }
}

// kSegment sampling positions (cell, fraction), weighed.
struct LanczosSegment {
    static constexpr int after = 4;           // texels behind the cell
    static constexpr bool takes_four = false; // has sample_four
    alignas(64) float x[8][kSegment], y[8][kSegment];
    alignas(64) int odd[kSegment];
    const float *fx, *fy;

    LanczosSegment(const float* fraction_x, const float* fraction_y) : fx(fraction_x), fy(fraction_y) {
        memset(odd, 0, sizeof odd);
        weigh_lanczos(fx, x, odd);
        weigh_lanczos(fy, y, odd);
    }

    // Do all texels of position k exist in a width x height image of so many channels (with three: and one
    // float behind them), and is no weight but those of a fraction of 0 itself 0?
    RT_HD bool is_plain(int k, int cell_x, int cell_y, int width, int height, int channels) const {
        const int right = channels == 3 ? 5 : 4;
        return cell_x >= 3 && cell_x + right < width && cell_y >= 3 && cell_y + 4 < height && !odd[k];
    }

    // Do all 64 taps of position k count?
    RT_HD bool is_full(int k) const { return fx[k] != 0.0f && fy[k] != 0.0f && !odd[k]; }

    // take(channel, value) for float4s of channels, then for single ones; of three channels for a float4
    // whose last lane means nothing. `cell` is the texel at the cell.
    template <class Take>
    RT_HD void sample_at(int k, const float* cell, int64_t pitch, int channels, Take&& take) const {
        const int x0 = fx[k] == 0.0f ? 3 : 0, x1 = fx[k] == 0.0f ? 4 : 8;
        const int y0 = fy[k] == 0.0f ? 3 : 0, y1 = fy[k] == 0.0f ? 4 : 8;
        const float* corner = cell - 3 * pitch - 3 * channels;
        if (channels == 3) return take(0, total<float4>(k, corner, pitch, 3, x0, x1, y0, y1));
        int c = 0;
        for (; c + 4 <= channels; c += 4)
            take(c, total<float4>(k, corner + c, pitch, channels, x0, x1, y0, y1));
        for (; c < channels; ++c) take(c, total<float>(k, corner + c, pitch, channels, x0, x1, y0, y1));
    }

    // Position k of a planar image.
    RT_HD float sample_planar(int k, const float* cell, int64_t pitch) const {
        const int x0 = fx[k] == 0.0f ? 3 : 0, x1 = fx[k] == 0.0f ? 4 : 8;
        const int y0 = fy[k] == 0.0f ? 3 : 0, y1 = fy[k] == 0.0f ? 4 : 8;
        return total<float>(k, cell - 3 * pitch - 3, pitch, 1, x0, x1, y0, y1);
    }

    // Position k, not plain: read(iy, ix) gives the texels inside.
    template <class Read>
    RT_HD float sample_border(int k, int cell_x, int cell_y, int width, int height, Border border,
                              Read&& read) const {
        if (odd[k])
            return sample(aim(Lanczos4Filter{}, cell_x, cell_y, fx[k], fy[k], width, height, border), read);
        float patch[8][8];
        int ix[8];
        for (int i = 0; i < 8; ++i) ix[i] = border_index(cell_x - 3 + i, width, border);
        for (int j = 0; j < 8; ++j) {
            const int iy = border_index(cell_y - 3 + j, height, border);
            for (int i = 0; i < 8; ++i) patch[j][i] = ix[i] < 0 || iy < 0 ? 0.0f : read(iy, ix[i]);
        }
        return sample_planar(k, &patch[3][3], 8);
    }

    // Positions k .. k + kLanes - 1, all full, whose cells are neighbours in one planar row; `cell` is that
    // of k.
    RT_HD floats sample_neighbours(int k, const float* cell, int64_t pitch) const {
        const float* corner = cell - 3 * pitch - 3;
        floats across[8], sum = {};
        for (int i = 0; i < 8; ++i) across[i] = load<floats>(x[i] + k);
        for (int j = 0; j < 8; ++j) {
            floats line = {};
            for (int i = 0; i < 8; ++i) line += across[i] * load<floats>(corner + j * pitch + i);
            sum += load<floats>(y[j] + k) * line;
        }
        return sum;
    }

  private:
    template <class V>
    RT_HD V total(int k, const float* corner, int64_t pitch, int channels, int x0, int x1, int y0,
                  int y1) const {
        V sum = {};
        if (x1 - x0 == 8) {
            V across[8];
            for (int i = 0; i < 8; ++i) across[i] = x[i][k] - V{};
            for (int j = y0; j < y1; ++j) {
                const float* row = corner + j * pitch;
                V line = {};
                for (int i = 0; i < 8; ++i) line += across[i] * load<V>(row + i * channels);
                sum += y[j][k] * line;
            }
        } else {
            for (int j = y0; j < y1; ++j) {
                V line = {};
                line += 1.0f * load<V>(corner + j * pitch + x0 * channels);
                sum += y[j][k] * line;
            }
        }
        return sum;
    }
};

} // namespace RETEMPO_ISA
} // namespace retempo::cpu

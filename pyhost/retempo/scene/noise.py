"""Where does texture come from? Value noise in octaves, deterministic and band-limited."""

from __future__ import annotations

import numpy as np

_PERIOD = 256


def lattice(seed: int) -> np.ndarray:
    """A [256, 256] float32 table of values in [-1, 1], the same for a seed everywhere."""
    return (np.random.default_rng(seed).random((_PERIOD, _PERIOD)) * 2 - 1).astype(np.float32)


def value_noise(x: np.ndarray, y: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Noise in [-1, 1] with wavelength of about 2 lattice steps; C2 continuous (quintic blend).

    Args:
        x, y: lattice coordinates of any broadcastable shapes. A row [1, W] and a column [H, 1] are much faster
            than two full planes, since the weights then factor.
        table: from ``lattice``.
    """
    x0, y0 = np.floor(x), np.floor(y)
    fx, fy = (x - x0).astype(np.float32), (y - y0).astype(np.float32)
    wx, wy = fx * fx * fx * (fx * (fx * 6 - 15) + 10), fy * fy * fy * (fy * (fy * 6 - 15) + 10)
    ix, iy = x0.astype(np.int32) % _PERIOD, y0.astype(np.int32) % _PERIOD
    jx, jy = (ix + 1) % _PERIOD, (iy + 1) % _PERIOD
    top = table[iy, ix] + wx * (table[iy, jx] - table[iy, ix])
    low = table[jy, ix] + wx * (table[jy, jx] - table[jy, ix])
    return top + wy * (low - top)


def fractal_noise(
    x: np.ndarray, y: np.ndarray, seed: int, wavelength: float, finest: float, gain: float = 0.55
) -> np.ndarray:
    """Octaves of value noise from ``wavelength`` down to ``finest``, about in [-1, 1], float32.

    Args:
        x, y: coordinates, see ``value_noise``.
        wavelength: of the coarsest octave, in the units of x and y.
        finest: octaves of a shorter wavelength are left out (the band limit).
        gain: amplitude of an octave relative to the one before.
    """
    total: np.ndarray | float = 0.0
    amplitude, power = 1.0, 0.0
    octave = 0
    while octave == 0 or wavelength >= finest:
        step = wavelength / 2
        shift = 37.3 * octave
        total = total + amplitude * value_noise(
            x / step + shift, y / step - shift, lattice(seed * 64 + octave)
        )
        power += amplitude
        amplitude, wavelength, octave = amplitude * gain, wavelength / 2, octave + 1
    return np.asarray(total * (1.6 / power), np.float32)

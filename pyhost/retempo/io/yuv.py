"""Which RGB does a YCbCr picture stand for, and back? Matrices, ranges, bit depths and chroma siting.

Done here in float32 instead of in libswscale, whose results are off by up to a code value and depend on its
flags. Sources: ITU-R BT.601, BT.709, BT.2020 (non-constant luminance). Chroma of 4:2:0 and 4:2:2 sits on the
even columns and, for 4:2:0, between two rows (the MPEG-2 / H.264 default).
"""

from __future__ import annotations

import numpy as np

LUMA = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
        9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}  # fmt: skip
"""(Kr, Kb) by the matrix numbers of ITU-T H.273: 1 BT.709, 5 and 6 BT.601, 7 SMPTE 240M, 9 BT.2020."""


def matrix_for(tag: int, width: int, height: int) -> int:
    """Return the matrix to use: the tagged one, else BT.709 for HD sizes and BT.601 for smaller ones."""
    return tag if tag in LUMA else 1 if height >= 720 or width >= 1280 else 6


def scales(bits: int, full: bool) -> tuple[float, float, float, float]:
    """Return (luma offset, luma span, chroma offset, chroma span) in code values."""
    if full:
        top = float((1 << bits) - 1)
        return 0.0, top, float(1 << (bits - 1)), top
    unit = float(1 << (bits - 8))
    return 16 * unit, 219 * unit, 128 * unit, 224 * unit


def to_rgb(
    y: np.ndarray, cb: np.ndarray, cr: np.ndarray, *, matrix: int, bits: int, full: bool
) -> np.ndarray:
    """Turn code value planes into RGB.

    Args:
        y: ``[H, W]`` code values.
        cb, cr: ``[H or H/2, W or W/2]`` code values (rounded up).
        matrix: a key of :data:`LUMA`.
        bits: bits a component.
        full: full range codes.

    Returns:
        ``[H, W, 3]`` float32; nominally 0..1. Super-white and super-black are kept, not clipped.
    """
    kr, kb = LUMA[matrix]
    offset, span, middle, swing = scales(bits, full)
    height, width = y.shape
    luma = (y.astype(np.float32) - np.float32(offset)) * np.float32(1 / span)
    blue = _upsample((cb.astype(np.float32) - np.float32(middle)) * np.float32(1 / swing), height, width)
    red = _upsample((cr.astype(np.float32) - np.float32(middle)) * np.float32(1 / swing), height, width)
    out = np.empty((height, width, 3), np.float32)
    np.add(luma, red * np.float32(2 * (1 - kr)), out=out[..., 0])
    np.add(luma, blue * np.float32(2 * (1 - kb)), out=out[..., 2])
    kg = 1 - kr - kb
    luma -= red * np.float32(2 * kr * (1 - kr) / kg)
    np.subtract(luma, blue * np.float32(2 * kb * (1 - kb) / kg), out=out[..., 1])
    return out


def from_rgb(
    rgb: np.ndarray, *, matrix: int, bits: int, full: bool, sub_x: bool, sub_y: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn RGB into rounded code values.

    Args:
        rgb: ``[H, W, 3]`` float; clipped to 0..1, NaN becomes 0.
        matrix, bits, full: as in :func:`to_rgb`.
        sub_x, sub_y: halve chroma across, down.

    Returns:
        three planes, uint8 for 8 bits, else uint16.
    """
    kr, kb = LUMA[matrix]
    offset, span, middle, swing = scales(bits, full)
    clean = np.clip(np.nan_to_num(rgb.astype(np.float32, copy=False), posinf=1, neginf=0), 0, 1)
    red, green, blue = clean[..., 0], clean[..., 1], clean[..., 2]
    luma = red * np.float32(kr) + green * np.float32(1 - kr - kb) + blue * np.float32(kb)
    cb = _downsample((blue - luma) * np.float32(0.5 / (1 - kb)), sub_x, sub_y)
    cr = _downsample((red - luma) * np.float32(0.5 / (1 - kr)), sub_x, sub_y)
    kind = np.uint8 if bits == 8 else np.uint16
    top = (1 << bits) - 1

    def codes(plane: np.ndarray, base: float, size: float) -> np.ndarray:
        return np.clip(np.rint(plane * np.float32(size) + np.float32(base)), 0, top).astype(kind)

    return codes(luma, offset, span), codes(cb, middle, swing), codes(cr, middle, swing)


def _upsample(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    if plane.shape[0] != height:
        edge = np.concatenate([plane[:1], plane, plane[-1:]])
        tall = np.empty((2 * plane.shape[0], plane.shape[1]), np.float32)
        tall[0::2] = edge[1:-1] * np.float32(0.75) + edge[:-2] * np.float32(0.25)
        tall[1::2] = edge[1:-1] * np.float32(0.75) + edge[2:] * np.float32(0.25)
        plane = tall[:height]
    if plane.shape[1] != width:
        wide = np.empty((plane.shape[0], 2 * plane.shape[1]), np.float32)
        wide[:, 0::2] = plane
        wide[:, 1:-1:2] = (plane[:, :-1] + plane[:, 1:]) * np.float32(0.5)
        wide[:, -1] = plane[:, -1]
        plane = wide[:, :width]
    return plane


def _downsample(plane: np.ndarray, sub_x: bool, sub_y: bool) -> np.ndarray:
    height, width = plane.shape
    if sub_x:
        edge = np.pad(plane, ((0, 0), (1, 1 + width % 2)), mode="edge")
        plane = edge[:, 1:-1:2] * np.float32(0.5) + (edge[:, 0:-2:2] + edge[:, 2::2]) * np.float32(0.25)
    if sub_y:
        edge = np.pad(plane, ((0, height % 2), (0, 0)), mode="edge")
        plane = (edge[0::2] + edge[1::2]) * np.float32(0.5)
    return plane

"""Which RGB does a YCbCr picture stand for, and back? Matrices, ranges, bit depths and chroma siting.

Done here in float32 instead of in libswscale, whose results are off by up to a code value and depend on its
flags. Sources: ITU-R BT.601, BT.709, BT.2020 (non-constant luminance). Chroma of 4:2:0 and 4:2:2 sits on the
even columns and, for 4:2:0, between two rows: type 0 of ITU-T H.273, which is ffmpeg's ``left`` and the default of
MPEG-2, H.264 and HEVC. Files that say otherwise (``center`` of JPEG and MPEG-1, ``topleft`` of BT.2020 discs) are read
like all others: their colours are off by half a pixel, but written as they were read.

Chroma is grown by linear interpolation and shrunk by the filters that undo it exactly, so that a picture which is
read and written has the codes it had (for 4:2:2 and across: Le Gall and Tabatabai's 5/3 wavelet).
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
    rgb: np.ndarray, *, matrix: int, bits: int, full: bool, sub_x: bool, sub_y: bool, headroom: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn RGB into rounded code values.

    Args:
        rgb: ``[H, W, 3]`` float; clipped to 0..1 unless there is ``headroom``, NaN becomes 0.
        matrix, bits, full: as in :func:`to_rgb`.
        sub_x, sub_y: halve chroma across, down.
        headroom: keep what codes beyond black and white, or of no RGB colour, stood for: the inverse of ``to_rgb``.

    Returns:
        three planes, uint8 for 8 bits, else uint16.
    """
    kr, kb = LUMA[matrix]
    offset, span, middle, swing = scales(bits, full)
    low, high = (-1, 2) if headroom else (0, 1)
    clean = np.clip(np.nan_to_num(rgb.astype(np.float32, copy=False), posinf=high, neginf=low), low, high)
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
    """Halve with the filters that undo ``_upsample``: codes of a picture that is read and written keep their values."""
    if sub_x:  # (-1, 2, 6, 2, -1) / 8 around the even columns
        half = (plane.shape[1] + 1) // 2
        edge = np.pad(plane, ((0, 0), (2, 3)), mode="edge")
        far, near, here, on, beyond = (edge[:, at : at + 2 * half - 1 : 2] for at in range(5))
        plane = here * np.float32(0.75) + (near + on) * np.float32(0.25) - (far + beyond) * np.float32(0.125)
    if sub_y:  # (-1, 3, 3, -1) / 4 around the middle of two rows
        half = (plane.shape[0] + 1) // 2
        if plane.shape[0] % 2 and half > 1:  # the row that is missing would show its chroma sample as it is
            plane = np.concatenate([plane, plane[-1:] * np.float32(1.5) - plane[-2:-1] * np.float32(0.5)])
        edge = np.pad(plane, ((1, 2), (0, 0)), mode="edge")
        far, upper, lower, beyond = (edge[at : at + 2 * half - 1 : 2] for at in range(4))
        plane = (upper + lower) * np.float32(0.75) - (far + beyond) * np.float32(0.25)
    return plane

"""How does a picture lie in memory when a host hands it to a plugin?

Outside, pictures are numpy arrays, rows top-down, float32. Inside, ``ImageBuffer`` keeps the rows bottom-up
(or top-down with negative row bytes), in the plugin's depth, between guards: bytes around the buffer and at
the end of every row whose change shows that somebody wrote where no pixel is.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from host import constants as k

DEPTHS = {
    "byte": k.kOfxBitDepthByte,
    "short": k.kOfxBitDepthShort,
    "half": k.kOfxBitDepthHalf,
    "float": k.kOfxBitDepthFloat,
}
DTYPES = {
    k.kOfxBitDepthByte: np.dtype(np.uint8),
    k.kOfxBitDepthShort: np.dtype(np.uint16),
    k.kOfxBitDepthHalf: np.dtype(np.float16),
    k.kOfxBitDepthFloat: np.dtype(np.float32),
}
COMPONENTS = {
    "RGBA": k.kOfxImageComponentRGBA,
    "RGB": k.kOfxImageComponentRGB,
    "Alpha": k.kOfxImageComponentAlpha,
}
CHANNELS = {k.kOfxImageComponentRGBA: 4, k.kOfxImageComponentRGB: 3, k.kOfxImageComponentAlpha: 1}
OF_CHANNELS = {4: "RGBA", 3: "RGB", 1: "Alpha"}

_GUARD, _GUARD_BYTE, _BLANK = (
    256,
    0xC3,
    0xFB,
)  # a blank float is a NaN with an unlikely payload, a blank half too


class Rect(NamedTuple):
    """x1 <= x < x2, y1 <= y < y2, y up; pixels or canonical units."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> int:
        return int(self.x2 - self.x1)

    @property
    def height(self) -> int:
        return int(self.y2 - self.y1)

    @property
    def empty(self) -> bool:
        return self.x2 <= self.x1 or self.y2 <= self.y1

    def intersect(self, other: Rect) -> Rect:
        return Rect(
            max(self.x1, other.x1), max(self.y1, other.y1), min(self.x2, other.x2), min(self.y2, other.y2)
        )

    def unite(self, other: Rect) -> Rect:
        return Rect(
            min(self.x1, other.x1), min(self.y1, other.y1), max(self.x2, other.x2), max(self.y2, other.y2)
        )

    def grow(self, margin: float) -> Rect:
        return Rect(self.x1 - margin, self.y1 - margin, self.x2 + margin, self.y2 + margin)

    def to_pixels(self, scale: tuple[float, float], aspect: float = 1.0) -> Rect:
        """Canonical to pixel coordinates, rounded outwards."""
        sx, sy = scale[0] / aspect, scale[1]
        return Rect(
            math.floor(self.x1 * sx),
            math.floor(self.y1 * sy),
            math.ceil(self.x2 * sx),
            math.ceil(self.y2 * sy),
        )

    def to_canonical(self, scale: tuple[float, float], aspect: float = 1.0) -> Rect:
        sx, sy = scale[0] / aspect, scale[1]
        return Rect(self.x1 / sx, self.y1 / sy, self.x2 / sx, self.y2 / sy)


def to_depth(pixels: np.ndarray, depth: str) -> np.ndarray:
    """float32 to the depth's numbers; integers are rounded and clamped to 0..1, NaN becomes 0."""
    if depth == k.kOfxBitDepthFloat:
        return np.asarray(pixels, np.float32)
    if depth == k.kOfxBitDepthHalf:
        with np.errstate(over="ignore"):
            return np.asarray(pixels).astype(np.float16)
    top = 255 if depth == k.kOfxBitDepthByte else 65535
    clipped = np.clip(np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0).astype(np.float64), 0.0, 1.0)
    return np.floor(clipped * top + 0.5).astype(DTYPES[depth])


def from_depth(pixels: np.ndarray, depth: str) -> np.ndarray:
    """The depth's numbers to float32; integers are divided by 255 or 65535."""
    if depth in (k.kOfxBitDepthFloat, k.kOfxBitDepthHalf):
        return pixels.astype(np.float32)
    return pixels.astype(np.float32) / np.float32(255 if depth == k.kOfxBitDepthByte else 65535)


def to_components(pixels: np.ndarray, components: str) -> np.ndarray:
    """Other channels: alpha is dropped or is 1; alpha alone becomes black with it, or grey where there is none."""
    have, want = pixels.shape[2], CHANNELS[components]
    if have == want:
        return pixels
    shape = pixels.shape[:2]
    if want == 1:
        return pixels[..., 3:4] if have == 4 else np.ones((*shape, 1), pixels.dtype)
    if want == 3:
        return pixels[..., :3] if have == 4 else np.repeat(pixels, 3, axis=2)
    if have == 3:
        return np.concatenate([pixels, np.ones((*shape, 1), pixels.dtype)], axis=2)
    return np.concatenate([np.zeros((*shape, 3), pixels.dtype), pixels], axis=2)


class ImageBuffer:
    """Pixels of ``bounds`` in memory.

    Args:
        bounds: in pixels.
        depth, components: OpenFX strings.
        negative_rows: rows lie top-down and row bytes are negative.
        padding: bytes at the end of each row.
    """

    def __init__(
        self, bounds: Rect, depth: str, components: str, negative_rows: bool = False, padding: int = 0
    ) -> None:
        self.bounds, self.depth, self.components = Rect(*map(int, bounds)), depth, components
        self.negative_rows = negative_rows
        self.dtype, self.channels = DTYPES[depth], CHANNELS[components]
        height, self._used = self.bounds.height, self.bounds.width * self.channels * self.dtype.itemsize
        self._stride = self._used + padding
        total = height * self._stride + 2 * _GUARD
        store = np.empty(total + 64, np.uint8)
        skip = -store.ctypes.data % 64
        self._memory = store[skip : skip + total]
        self._memory[:_GUARD] = _GUARD_BYTE
        self._memory[total - _GUARD :] = _GUARD_BYTE
        self._rows = self._memory[_GUARD : total - _GUARD].reshape(height, self._stride)
        self._rows[:, self._used :] = _GUARD_BYTE
        self._seal: int | None = None

    @property
    def address(self) -> int:
        """Where the pixel at the lower left is."""
        first = self._memory.ctypes.data + _GUARD
        return first + (self.bounds.height - 1) * self._stride if self.negative_rows else first

    @property
    def row_bytes(self) -> int:
        return -self._stride if self.negative_rows else self._stride

    def view(self, window: Rect | None = None) -> np.ndarray:
        """Pixels of ``window`` (else all), rows top-down, in the buffer's own dtype; no copy."""
        rows = self._rows[:, : self._used].view(self.dtype)
        pixels = rows.reshape(self.bounds.height, self.bounds.width, self.channels)
        if not self.negative_rows:
            pixels = pixels[::-1]
        if window is None:
            return pixels
        b = self.bounds
        return pixels[
            int(b.y2 - window.y2) : int(b.y2 - window.y1), int(window.x1 - b.x1) : int(window.x2 - b.x1)
        ]

    def blank(self) -> None:
        """Fill with a pattern that tells an unwritten float from a written one."""
        self._rows[:, : self._used] = _BLANK

    def count_blank(self, window: Rect) -> int:
        """Pixels of ``window`` that nobody has written; 0 for integer depths, where nothing is impossible."""
        if self.dtype.kind != "f":
            return 0
        bits = self.view(window).view(np.uint32 if self.dtype.itemsize == 4 else np.uint16)
        blank = int.from_bytes(bytes([_BLANK]) * self.dtype.itemsize, "little")
        return int(np.count_nonzero((bits == blank).all(axis=2)))

    def changed_outside(self, window: Rect) -> bool:
        """Whether a pixel outside of ``window`` no longer has the blank pattern."""
        mask = np.ones((self.bounds.height, self.bounds.width), bool)
        b = self.bounds
        mask[int(b.y2 - window.y2) : int(b.y2 - window.y1), int(window.x1 - b.x1) : int(window.x2 - b.x1)] = (
            False
        )
        if not mask.any():
            return False
        return bool((np.ascontiguousarray(self.view()[mask]).view(np.uint8) != _BLANK).any())

    def seal(self) -> None:
        """Remember the content, to tell later whether it was changed."""
        self._seal = hash(self._memory.tobytes())

    def broken_seal(self) -> bool:
        return self._seal is not None and self._seal != hash(self._memory.tobytes())

    def guard_hit(self) -> bool:
        """Whether bytes around the buffer or at the ends of rows were written."""
        return bool(
            (self._memory[:_GUARD] != _GUARD_BYTE).any()
            or (self._memory[-_GUARD:] != _GUARD_BYTE).any()
            or (self._rows[:, self._used :] != _GUARD_BYTE).any()
        )

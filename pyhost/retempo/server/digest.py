"""What stands for a frame's content? 128 bits over its pixels and layout, the same in C++ (``plugin/PROTOCOL.md``).

The server never computes it in service: clients do, while they copy. It is not cryptographic: a client that lies
harms no one but its own user.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from retempo.io.frame import Window

P1: Final = np.uint64(0x9E3779B185EBCA87)
P2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
P3: Final = np.uint64(0x165667B19E3779F9)
P4: Final = np.uint64(0x85EBCA77C2B2AE63)
P5: Final = np.uint64(0x27D4EB2F165667C5)
SEEDS: Final = np.array([P1, P2, P3, P4])


def digest_pixels(pixels: np.ndarray, window: Window) -> bytes:
    """The digest of a frame.

    Args:
        pixels: ``[H, W, C]`` float32, top row first.
        window: where it lies, y down; its size is that of ``pixels``.
    """
    height, width, channels = pixels.shape
    with np.errstate(over="ignore"):
        low, high = _hash_rows(
            np.ascontiguousarray(pixels, np.float32).reshape(height, width * channels).view(np.uint32)
        )
        places = np.arange(1, height + 1, dtype=np.uint64) * P5
        layout = struct.pack("<5iIII", channels, width, height, window.x, window.y, 0, 0, 0)
        head_low, head_high = _hash_rows(np.frombuffer(layout, np.uint32)[None])
        total_low = _mix(low + places).sum(dtype=np.uint64) + head_low[0]
        total_high = _mix(high + places).sum(dtype=np.uint64) + head_high[0]
        return struct.pack("<QQ", int(_mix(total_low)), int(_mix(total_high ^ total_low)))


def _hash_rows(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two 64-bit hashes of each row of uint32 words."""
    rows, count = words.shape
    padded = np.zeros((rows, -(-count // 8) * 8), np.uint32)
    padded[:, :count] = words
    stripes = padded.view(np.uint64).reshape(rows, -1, 4)
    lanes = np.broadcast_to(SEEDS, (rows, 4)).copy()
    for at in range(stripes.shape[1]):
        lanes = _rotate(lanes + stripes[:, at] * P2, 31) * P1
    a, b, c, d = lanes.T
    low = _rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)
    high = (_rotate(a, 29) ^ _rotate(b, 41)) * P3 + (_rotate(c, 53) ^ d) * P4
    return _mix(low), _mix(high)


def _rotate(words: np.ndarray, bits: int) -> np.ndarray:
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))


def _mix(words: np.ndarray) -> np.ndarray:
    words = (words ^ (words >> np.uint64(33))) * P2
    words = (words ^ (words >> np.uint64(29))) * P3
    return words ^ (words >> np.uint64(32))

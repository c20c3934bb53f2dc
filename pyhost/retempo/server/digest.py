"""What stands for a frame's content? 128 bits over its pixels and layout, the same in C++ (``plugin/PROTOCOL.md``).

The server never computes it in service: clients do, while they copy. It is made against accidents, not against
adversaries: a client that lies harms no one but its own user.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np

from retempo.io.frame import Window

P1: Final = np.uint64(0x9E3779B185EBCA87)
P2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
P3: Final = np.uint64(0x165667B19E3779F9)
P5: Final = np.uint64(0x27D4EB2F165667C5)
K: Final = np.uint64(0x9E3779B1)
LANES: Final = 8


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
    padded = np.zeros((rows, -(-count // (2 * LANES)) * 2 * LANES), np.uint32)
    padded[:, :count] = words
    stripes = padded.view(np.uint64).reshape(rows, -1, LANES)
    places = np.arange(1, LANES + 1, dtype=np.uint64)
    states = np.broadcast_to(places * P1, (rows, LANES))
    sums = np.broadcast_to(places * P2, (rows, LANES))
    for at in range(stripes.shape[1]):
        states = (states ^ stripes[:, at]) * K
        states = states ^ (states >> np.uint64(29))
        sums = sums + states
    low = high = np.zeros(rows, np.uint64)
    for lane in range(LANES):
        low = _mix(low + states[:, lane])
        high = _mix(high + sums[:, lane])
    return low, high


def _mix(words: np.ndarray) -> np.ndarray:
    words = (words ^ (words >> np.uint64(33))) * P2
    words = (words ^ (words >> np.uint64(29))) * P3
    return words ^ (words >> np.uint64(32))

"""Is a checkpoint whole? CRC-32C (Castagnoli, RFC 3720), fast enough in NumPy for hundreds of megabytes.

A checksum is linear in its bytes: long data are cut into lanes that go through the table side by side, and the lanes'
checksums are joined two by two.
"""

from __future__ import annotations

from typing import Final

import numpy as np

_POLYNOMIAL: Final = 0x82F63B78
_LANES: Final = 4096
_ALL: Final = 0xFFFFFFFF
_MASK: Final = 0xA282EAD8


def checksum(data: bytes | bytearray | memoryview) -> int:
    """CRC-32C of some bytes: 0xE3069283 for ``123456789``."""
    values = np.frombuffer(data, np.uint8)
    length = len(values) // _LANES
    head = length * _LANES
    state = _ALL
    if length:
        state = int(_apply(_zeros(head), np.array([state], np.uint32))[0])
        state ^= _join(_run(values[:head].reshape(_LANES, length)), length)
    for value in values[head:].tolist():
        state = _ROW[(state ^ value) & 0xFF] ^ (state >> 8)
    return state ^ _ALL


def masked(checksum_of_data: int) -> int:
    """As LevelDB and TensorFlow store checksums beside what they check: rotated by 15 bits, a constant added."""
    rotated = (checksum_of_data >> 15 | checksum_of_data << 17) & _ALL
    return (rotated + _MASK) & _ALL


def _run(lanes: np.ndarray) -> np.ndarray:
    """State of each row of [lanes, bytes] after its bytes, from 0."""
    state = np.zeros(len(lanes), np.uint32)
    for column in range(lanes.shape[1]):
        state = _TABLE[(state ^ lanes[:, column]) & 0xFF] ^ (state >> 8)
    return state


def _join(states: np.ndarray, length: int) -> int:
    """State after all rows, one behind the other, each ``length`` bytes long; the number of rows is a power of two."""
    shift = _zeros(length)
    while len(states) > 1:
        states = _apply(shift, states[0::2]) ^ states[1::2]
        shift = _apply(shift, shift)
    return int(states[0])


def _zeros(count: int) -> np.ndarray:
    """What ``count`` bytes of 0 do to a state, as the images of its 32 bits."""
    power = _one_zero()
    made = np.uint32(1) << np.arange(32, dtype=np.uint32)
    while count:
        if count & 1:
            made = _apply(power, made)
        power = _apply(power, power)
        count >>= 1
    return made


def _one_zero() -> np.ndarray:
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    return _TABLE[bits & 0xFF] ^ (bits >> 8)


def _apply(images: np.ndarray, states: np.ndarray) -> np.ndarray:
    """The linear map with these images of the 32 bits, of each state."""
    made = np.zeros_like(states)
    for bit in range(32):
        made ^= np.where(states >> np.uint32(bit) & 1, images[bit], np.uint32(0))
    return made


def _table() -> np.ndarray:
    made = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        made = np.where(made & 1, made >> 1 ^ np.uint32(_POLYNOMIAL), made >> 1)
    return made


_TABLE: Final = _table()
_ROW: Final[list[int]] = _TABLE.tolist()

"""How do training samples travel to a machine that is lent for minutes? Packed small here, unpacked there.

A sample of `retempo train gather` takes 2.3 MB, packed about a fifth of that: motion in sixteenths of a pixel
(within 2000), differences along rows, compressed; colours and trust are kept to the bit.

    python tests/gpu_samples.py pack SAMPLES OUT --megabytes 40     one file a sample, from all clips in turns
    python tests/gpu_samples.py unpack OUT SAMPLES                  one file again, as `retempo train` reads it
"""

from __future__ import annotations

import argparse
import io
import lzma
import sys
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retempo.train.footage import SIZE
from retempo.train.observation import record_type

STEPS: Final = 16
"""Of motion, a pixel."""

ENDING: Final = ".npz.xz"

Array = NDArray[Any]


def pack(entry: Array) -> dict[str, Array]:
    """One record -> small whole numbers, row differences, axes with x last."""
    packed = {}
    for name in entry.dtype.names or ():
        values = entry[name]
        if values.ndim:
            if values.dtype == np.float16:
                values = np.clip(np.rint(values.astype(np.float32) * STEPS), -32000, 32000).astype(np.int16)
            if values.shape[-1] != values.shape[-2]:  # the last axis is of colours or of (dx, dy)
                values = np.moveaxis(values, -1, 0)
            # differences wrap around, and so does their sum
            values = np.diff(values, axis=-1, prepend=values.dtype.type(0))
            values = np.ascontiguousarray(values)
        packed[name] = values
    return packed


def unpack(packed: Mapping[str, Array]) -> Array:
    """The record again."""
    kind = record_type(SIZE)
    entry = np.zeros((), kind)
    for name in kind.names or ():
        values = packed[name]
        if values.ndim:
            values = np.cumsum(values, axis=-1, dtype=values.dtype)
            if values.ndim == entry[name].ndim and values.shape != entry[name].shape:
                values = np.moveaxis(values, 0, -1)
            if kind[name].base == np.float16:
                values = values.astype(np.float32) / STEPS
        entry[name] = values
    return entry


def read(path: Path) -> Mapping[str, Array]:
    """What ``pack`` made, from a file."""
    return dict(np.load(io.BytesIO(lzma.decompress(path.read_bytes())), allow_pickle=False))


def main(arguments: list[str] | None = None) -> int:
    """Pack or unpack a folder; returns 0, or 2 where there is nothing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("pack", "unpack"))
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--megabytes", type=float, default=40.0, help="at most; default: %(default)s")
    given = parser.parse_args(arguments)
    found = sorted(given.source.glob("*.npy" if given.what == "pack" else f"*{ENDING}"))
    if not found:
        print(f"gpu_samples.py: {given.source} holds nothing to {given.what}", file=sys.stderr)
        return 2
    given.target.mkdir(parents=True, exist_ok=True)
    if given.what == "unpack":
        entries = [unpack(read(path)) for path in found]
        np.save(given.target / "samples.npy", np.stack(entries))
        print(f"{len(found)} samples")
        return 0
    clips = [(path.stem, np.load(path, mmap_mode="r", allow_pickle=False)) for path in found]
    turns = zip_longest(*([(name, index, clip) for index in range(len(clip))] for name, clip in clips))
    left, count = given.megabytes * 1e6, 0
    for name, index, clip in (one for turn in turns for one in turn if one is not None):
        whole = io.BytesIO()
        np.savez(whole, **pack(clip[index]))
        small = lzma.compress(whole.getvalue())
        if len(small) > left:
            break
        (given.target / f"{name}-{index:04d}{ENDING}").write_bytes(small)
        left -= len(small)
        count += 1
    print(f"{count} samples, {given.megabytes - left / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

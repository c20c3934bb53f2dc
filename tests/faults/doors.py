"""By which commands can results be lost? One line a door: what is asked, and what a finished run leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from plates import LINEAR, assert_same_pixels

FAST = ("--flow", "dis:fast", "--quiet")


@dataclass(frozen=True)
class Door:
    """A command line.

    Args:
        words: of the command; ``IN`` and ``OUT`` stand for the folders of footage and results.
        again: the flag with which an unfinished run goes on.
        colour: does it take flags for colour spaces?
    """

    words: tuple[str, ...]
    again: str = "--resume"
    colour: bool = True

    def command(self, footage: Path, results: Path, *flags: str) -> list[str]:
        """What to run."""
        said = (word.replace("IN", str(footage)).replace("OUT", str(results)) for word in self.words)
        return [*said, *(LINEAR if self.colour else ()), *flags]


DOORS = {
    "exr": Door(("retime", "IN/plate.####.exr", "-o", "OUT/o.####.exr", "--speed", "1/3", *FAST)),
    "png": Door(("retime", "IN/plate.####.png", "-o", "OUT/o.####.png", "--speed", "1/3", *FAST)),
    "movie": Door(("retime", "IN/plate.####.exr", "-o", "OUT/o.mkv", "--speed", "1/3", *FAST)),
    "strips": Door(
        ("retime", "IN/plate.####.exr", "-o", "OUT/s.####.exr", "--speed", "1/2", "--memory", "1400K", *FAST)
    ),
    "inbetween": Door(
        ("inbetween", "IN/plate.0001.exr", "IN/plate.0002.exr", "-o", "OUT/b.####.exr", "-n", "3", *FAST)
    ),
    "vectors": Door(("vectors", "IN/plate.####.exr", "-o", "OUT/v.####.exr", *FAST)),
    "fuse": Door(
        ("fuse", "IN/plate.####.exr", "--background", "IN/plate.0001.exr", "-o", "OUT/f.####.exr", "--quiet")
    ),
    "plate": Door(("plate", "IN/plate.####.exr", "-o", "OUT/clean.exr", "--quiet"), colour=False),
}


def assert_same_result(one: Path, two: Path) -> None:
    """The same pixels, bit for bit; of a movie the same pictures."""
    if one.suffix != ".mkv":
        assert_same_pixels(one, two)
        return
    for a, b in zip(pictures(one), pictures(two), strict=True):
        np.testing.assert_array_equal(a, b)


def pictures(movie: Path) -> Iterator[np.ndarray]:
    """Its decoded frames."""
    with av.open(str(movie)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")

"""What lies between two stills? ``retempo inbetween A B -o OUT -n 3``."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from retempo.cli.result import Result
from retempo.cli.retime import add_run_arguments, render
from retempo.errors import InputError, UsageError
from retempo.render.flags import add_setting_arguments
from retempo.render.quality import choose_settings

if TYPE_CHECKING:
    from retempo.io.frame import Frame
    from retempo.io.source import Source

HELP = "make frames between two still images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("first", help="the earlier image")
    parser.add_argument("second", help="the later image")
    parser.add_argument("-o", "--output", required=True, help="pattern of the result, or a movie")
    parser.add_argument(
        "-n", "--count", type=int, default=1, help="how many frames to make between them (default: 1)"
    )
    parser.add_argument(
        "--with-originals", action="store_true", help="write the two images too, as first and last"
    )
    add_run_arguments(parser)
    add_setting_arguments(
        parser, groups=("quality", "shutter", "flow", "synthesis", "colour", "output", "computing")
    )


def run(args: argparse.Namespace) -> Result:
    """Frames 1..count between the two images; with the originals they are frames 0 and count + 1."""
    if args.count < 1:
        raise UsageError(f"-n is {args.count}", "ask for at least one frame")
    last = args.count + 1
    made = f"0-{last}" if args.with_originals else f"1-{args.count}"
    pair = StillPair(Path(args.first), Path(args.second))
    timing = {
        "speed": str(Fraction(pair.frames[1] - pair.frames[0], last)),
        "output_start": 0,
        "output_range": made,
        "on_missing": "interpolate",
    }
    return render(args, choose_settings({**vars(args), **timing}), pair)


class StillPair:
    """Two files as a source of two frames.

    Two frames of one sequence, the earlier first, keep their numbers, so that motion vectors, which say how far
    things move from one frame to the next, are known to span a gap. Any other two are frames 0 and 1.

    Raises:
        InputError: one of them does not exist.
    """

    kind: Literal["images", "movie"] = "images"

    def __init__(self, first: Path, second: Path) -> None:
        for path in (first, second):
            if not path.is_file():
                raise InputError(f"{path} does not exist", "check the path")
        numbers = sequence_numbers(first, second) or (0, 1)
        self._paths = dict(zip(numbers, (first, second), strict=True))
        self.pattern = f"{first} and {second}"
        self.frames: tuple[int, ...] = numbers
        self.missing: tuple[int, ...] = ()
        self.fps: Fraction | None = None

    def path(self, n: int) -> Path:
        """The file of frame n."""
        return self._paths[n]

    def header(self, n: int) -> Frame:
        """Frame n without pixels."""
        return self._one(n).header(self._one(n).frames[0])

    def read(self, n: int, rows: tuple[int, int] | None = None) -> Frame:
        """Frame n, or rows of it."""
        return self._one(n).read(self._one(n).frames[0], rows)

    def digest(self, n: int) -> str:
        """Identity of the file's content."""
        return self._one(n).digest(self._one(n).frames[0])

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _one(self, n: int) -> Source:
        from retempo.io.sequence import open_source

        return open_source(self._paths[n])


def sequence_numbers(first: Path, second: Path) -> tuple[int, int] | None:
    """The frame numbers of two files of one sequence; None when they are not, or the second is not the later."""
    from retempo.io.pattern import of_file

    one, two = of_file(first), of_file(second)
    if one is None or two is None or (one.prefix, one.suffix) != (two.prefix, two.suffix):
        return None
    a, b = one.number(first.name), two.number(second.name)
    if a is None or b is None or b <= a or first.resolve().parent != second.resolve().parent:
        return None
    return a, b

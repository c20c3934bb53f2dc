"""Which file is frame n, and which frame is this file? Frame tokens in file names.

``#`` alone is four digits, ``##`` and more are one digit each; every ``@`` is one digit; ``%04d``, ``%d``,
``$F4`` and ``$F`` as in C and Houdini. A number with more digits than asked for is taken as it is; a minus
sign counts as a digit, as in C. One token a name, in the file name only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import fileseq

from retempo.errors import UsageError

MOST_DIGITS: Final = 32
MOST_FRAMES: Final = 1_000_000
"""Of one range: a typing error in it must not take all memory."""

_TOKEN = re.compile(r"#+|@+|%0?(\d*)d|\$F(\d*)")
_NUMBER = re.compile(
    r"^(?P<prefix>.*?(?:^|[._]|(?<=[^\d])-(?=\d)))(?P<number>-?\d+)(?P<suffix>\.[A-Za-z]\w*)$"
)


_ENDS = re.compile(r"(-?\d{1,9})(?:-(-?\d{1,9})(?:x(-?0*[1-9]\d{0,8}))?)?", re.ASCII)


@dataclass(frozen=True)
class Pattern:
    """A folder and a file name with a frame number in it.

    Attributes:
        folder: where the files are.
        prefix, suffix: the name before and after the number.
        width: least number of digits; 0 when the name has no token (a single file).
    """

    folder: Path
    prefix: str
    suffix: str
    width: int

    @property
    def has_token(self) -> bool:
        """Whether different frames have different names."""
        return self.width > 0

    def name(self, number: int) -> str:
        """Return the file name of one frame."""
        return f"{self.prefix}{number:0{self.width}d}{self.suffix}" if self.has_token else self.prefix

    def path(self, number: int) -> Path:
        """Return the path of one frame."""
        return self.folder / self.name(number)

    def number(self, name: str) -> int | None:
        """Return the frame number in a file name, or None when the name does not fit."""
        end = len(name) - len(self.suffix)
        digits = name[len(self.prefix) : end]
        if not self.has_token or not name.startswith(self.prefix) or not name.endswith(self.suffix):
            return None
        if not re.fullmatch(r"-?\d+", digits):
            return None
        number = int(digits)
        plain = (f"{number:0{self.width}d}", f"-{-number:0{self.width}d}")
        return number if digits in plain[: 2 if number < 0 else 1] else None

    def __str__(self) -> str:
        token = "@" * self.width if self.width < 4 else "#" * self.width
        return str(self.folder / f"{self.prefix}{token if self.has_token else ''}{self.suffix}")


def parse(text: str | Path) -> Pattern:
    """Read a pattern; a name without a token is a single file.

    Raises:
        UsageError: two tokens in one name, or a token in a folder name.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return Pattern(path.parent, path.name, "", 0)
    tokens = list(_TOKEN.finditer(path.name))
    if not tokens:
        if re.search(r"##+|%0\d+d|\$F", str(path.parent)):
            raise UsageError(f"{text}: the frame number must be in the file name, not in a folder")
        return Pattern(path.parent, path.name, "", 0)
    if len(tokens) > 1:
        raise UsageError(f"{text}: more than one frame token", "keep one of ####, @@@, %04d, $F4")
    token = tokens[0]
    if token[0].startswith("#"):
        width = 4 if token[0] == "#" else len(token[0])
    elif token[0].startswith("@"):
        width = len(token[0])
    else:
        digits = (token[1] or token[2] or "1").lstrip("0") or "1"
        width = int(digits) if len(digits) < 3 else MOST_DIGITS + 1
    if width > MOST_DIGITS:
        raise UsageError(f"{text}: frame numbers of {width} digits and more", "write a token such as %04d")
    return Pattern(path.parent, path.name[: token.start()], path.name[token.end() :], max(1, width))


def number_in(name: str) -> int | None:
    """Return the frame number in a plain file name (``shot.1001.exr``), or None (``plate_v02.exr``)."""
    match = _NUMBER.match(name)
    return int(match["number"]) if match else None


def of_file(path: Path) -> Pattern | None:
    """Return the pattern that a numbered file belongs to, or None when its name has no number."""
    match = _NUMBER.match(path.name)
    if not match:
        return None
    return Pattern(path.parent, match["prefix"], match["suffix"], len(match["number"].lstrip("-")))


def parse_range(text: str) -> tuple[int, ...]:
    """Read ``1-10``, ``1-10x2``, ``1-5,8``, ``-5--1``: sorted frame numbers, each once.

    Raises:
        UsageError: not a range; also for ``:`` and ``y``, which tools disagree about.
    """
    cleaned = text.replace(" ", "")
    if ":" in cleaned or "y" in cleaned:
        raise UsageError(
            f"frame range '{text}': ':' and 'y' mean different things in different tools",
            "write a step as 1-10x2",
        )
    numbers: set[int] = set()
    count = 0
    for part in cleaned.split(","):
        found = _span(part)
        if found is None:
            raise UsageError(f"frame range '{text[:80]}' is not understood", "write 1-10, 1-10x2 or 1-5,8")
        count += len(found)
        if count > MOST_FRAMES:
            raise UsageError(
                f"frame range '{text[:80]}' has over {MOST_FRAMES} frames", "write a shorter one"
            )
        numbers.update(found)
    return tuple(sorted(numbers))


def _span(part: str) -> range | None:
    """The frames of ``5``, ``1-10``, ``10-1x2``. Not by fileseq, which compares each with all before it."""
    ends = _ENDS.fullmatch(part)
    if ends is None:
        return None
    first, last = int(ends[1]), int(ends[2] or ends[1])
    step = int(ends[3] or 1)
    if step < 0 and first < last:
        return None
    return range(first, last + 1, abs(step)) if first <= last else range(first, last - 1, -abs(step))


def format_range(numbers: Sequence[int]) -> str:
    """Write frame numbers as a range: ``1-5,8``."""
    return str(fileseq.FrameSet(sorted(set(numbers)))) if numbers else ""

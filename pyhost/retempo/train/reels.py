"""Which runs of consecutive frames do these folders hold, and which of them are kept back?

A *reel* is frames without a gap in their numbers: a triplet or septuplet of Vimeo-90K, a sequence, a movie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from retempo.errors import InputError, UsageError
from retempo.io.reader import read_frame
from retempo.io.rgb import Rgb, to_rgb
from retempo.io.sequence import open_source
from retempo.io.sets import holds_numbered, list_footage, list_numbered, number_pictures

LAYOUTS: Final = ("auto", "vimeo-triplet", "vimeo-septuplet", "sequence")
_NUMBERED: Final = {"vimeo-triplet": (3, "tri"), "vimeo-septuplet": (7, "sep")}
"""Pictures a clip, and how its lists begin: tri_trainlist.txt."""
HELD_OUT: Final = 0.05
"""Share of the frames that is kept back where nothing else is said (Zhong et al., ECCV 2024)."""


@dataclass(frozen=True)
class Reel:
    """Consecutive frames.

    Attributes:
        name: for messages.
        read: number -> picture, all of one size; from any thread.
        numbers: of the frames, each one more than the one before.
        uncut: it is known to show one shot.
    """

    name: str
    read: Callable[[int], Rgb]
    numbers: range
    uncut: bool = False


def find_reels(folders: Iterable[Path], layout: str = "auto") -> list[Reel]:
    """All reels of some folders, movies or patterns.

    Args:
        layout: of ``LAYOUTS``: ``vimeo-triplet`` takes folders of im1, im2, im3 (those of tri_trainlist.txt, or all but
            those of tri_testlist.txt), ``vimeo-septuplet`` folders of im1 .. im7, ``sequence`` movies, folders of image
            files, or a folder of such; ``auto`` looks.

    Raises:
        UsageError: no such layout. InputError: nothing of the kind is there.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"there is no layout {layout!r}", f"choose from {', '.join(LAYOUTS)}")
    return [reel for folder in folders for reel in _in_folder(Path(folder), layout)]


def _in_folder(folder: Path, layout: str) -> list[Reel]:
    if layout == "auto":
        fitting = (name for name, (count, _) in _NUMBERED.items() if _looks_like(folder, name, count))
        layout = next(fitting, "sequence")
    if layout in _NUMBERED:
        found = _numbered(folder, *_NUMBERED[layout])
    else:
        found = [reel for name, path in list_footage(folder) for reel in _footage(name, path)]
    if not found:
        raise InputError(f"{folder} holds no {layout}", "give a folder of such clips, or another --layout")
    return found


def _looks_like(folder: Path, name: str, count: int) -> bool:
    prefix = _NUMBERED[name][1]
    return folder.is_dir() and (
        any((folder / f"{prefix}_{part}list.txt").is_file() for part in ("train", "test"))
        or holds_numbered(folder, count)
    )


def _numbered(folder: Path, count: int, prefix: str) -> list[Reel]:
    listed = f"{prefix}_trainlist.txt"
    clips = list_numbered(folder, listed)
    if not (folder / listed).is_file() and (folder / f"{prefix}_testlist.txt").is_file():
        tested = {name for name, _ in list_numbered(folder, f"{prefix}_testlist.txt")}
        clips = [(name, where) for name, where in clips if name not in tested]
    return [_pictures(name, number_pictures(where, count)) for name, where in clips]


def _pictures(name: str, paths: dict[int, Path]) -> Reel:
    def read(number: int) -> Rgb:
        return to_rgb(read_frame(paths[number]))

    return Reel(name, read, range(min(paths), max(paths) + 1), uncut=True)


def _footage(name: str, path: Path) -> Iterator[Reel]:
    source = open_source(path)

    def read(number: int) -> Rgb:
        return to_rgb(source.read(number))

    first = last = source.frames[0]
    for number in (*source.frames[1:], None):
        if number is not None and number == last + 1:
            last = number
            continue
        yield Reel(name, read, range(first, last + 1))
        if number is not None:
            first = last = number


def hold_out(reels: Sequence[Reel], need: int) -> tuple[list[Reel], list[Reel]]:
    """What is trained on, and what is not: the last of the frames, whole reels or the end of one.

    Args:
        reels: in order. need: frames in a row that one sample takes at least.

    Raises:
        InputError: there is too little for both.
    """
    usable = [reel for reel in reels if len(reel.numbers) >= need]
    wanted = max(need, round(HELD_OUT * sum(len(reel.numbers) for reel in usable)))
    kept: list[Reel] = []
    while usable and wanted > 0:
        last = usable.pop()
        rest = len(last.numbers) - wanted
        if rest >= need:  # enough for both: the end of it
            usable.append(replace(last, numbers=last.numbers[:rest]))
            last = replace(last, numbers=last.numbers[rest:])
        kept.append(last)
        wanted -= len(last.numbers)
    if not usable:
        raise InputError(
            f"{len(reels)} clips are too little to train on and to check with: a sample takes {need} frames in a row",
            "give more, or name others with --held-out",
        )
    return usable, kept[::-1]

"""Which set is in this folder, and what protocol goes with it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retempo.errors import InputError, UsageError
from retempo.evaluate.clip import Clip
from retempo.evaluate.sequences import (
    XIPH,
    find_sequences,
    find_x_test,
    find_x_test_2k,
    find_xiph_2k,
    find_xiph_4k,
)
from retempo.evaluate.triplets import (
    SPLITS,
    find_middlebury,
    find_snu_film,
    find_ucf101,
    find_vimeo_septuplets,
    find_vimeo_triplets,
)
from retempo.io.sets import holds_numbered

EQUAL: Final = 100.0
REPEATED: Final = 60.0
"""dB a frame counts as at the most: in published sets nearly equal pictures are rare, in footage repeats are not."""


@dataclass(frozen=True)
class Layout:
    """A way in which sets lie on disk.

    Args:
        protocol: what is made from what, and what the mean is over.
        expects: what the folder holds, for messages.
        find: folder -> clips; empty when it holds nothing of the kind. Footage has its own, with options.
        matches: does a folder look like it?
        cap: see ``Score``.
    """

    protocol: str
    expects: str
    find: Callable[[Path], list[Clip]]
    matches: Callable[[Path], bool]
    cap: float = EQUAL


def _holds(folder: Path, pattern: str) -> bool:
    return next(folder.glob(pattern), None) is not None


def _xiph_like(folder: Path) -> bool:
    return any((folder / f"{name}-001.png").exists() or (folder / name / "001.png").exists() for name in XIPH)


def _x_test_like(folder: Path) -> bool:
    return _holds(folder, "Type*/*/0032.png") or _holds(folder, "test/Type*/*/0032.png")


LAYOUTS: Final[dict[str, Layout]] = {
    "vimeo-triplet": Layout(
        "im2 from im1 and im3; mean over triplets",
        "folders of im1, im2, im3, perhaps with tri_testlist.txt",
        find_vimeo_triplets,
        lambda folder: (folder / "tri_testlist.txt").is_file() or holds_numbered(folder, 3),
    ),
    "vimeo-septuplet": Layout(
        "im4 from im1, im3, im5, im7; mean over septuplets",
        "folders of im1 .. im7, perhaps with sep_testlist.txt",
        find_vimeo_septuplets,
        lambda folder: (folder / "sep_testlist.txt").is_file() or holds_numbered(folder, 7),
    ),
    "ucf101": Layout(
        "frame_01_gt from frame_00 and frame_02; mean over triplets",
        "folders of frame_00.png, frame_01_gt.png, frame_02.png",
        find_ucf101,
        lambda folder: any(_holds(folder, f"{depth}frame_01_gt.png") for depth in ("", "*/", "*/*/")),
    ),
    "middlebury": Layout(
        "frame10i11 from frame10 and frame11; mean over sequences. ie is the root mean square over pixels and "
        "channels; some papers print the mean absolute difference, mae, under that name",
        "other-data/NAME/frame10.png, frame11.png and other-gt-interp/NAME/frame10i11.png",
        find_middlebury,
        lambda folder: _holds(folder, "other-gt-interp/*/frame10i11.png"),
    ),
    "snu-film": Layout(
        "the middle of each listed triplet; a clip is a split, its figures the mean over its triplets",
        "test-easy.txt, test-medium.txt, test-hard.txt or test-extreme.txt and the files that they list",
        find_snu_film,
        lambda folder: any(
            (folder / place / f"test-{split}.txt").is_file()
            for split in SPLITS
            for place in ("", "eval_modes")
        ),
    ),
    "xiph-2k": Layout(
        "frames 2, 4 .. 98 from their two neighbours, at half size; mean over 49 frames of each clip, then clips",
        "NAME-001.png .. NAME-100.png of the Netflix clips, such as BoxingPractice",
        find_xiph_2k,
        _xiph_like,
    ),
    "xiph-4k": Layout(
        "frames 2, 4 .. 98 from their two neighbours, the centre of each; mean over 49 frames of each clip, then clips",
        "NAME-001.png .. NAME-100.png of the Netflix clips, such as BoxingPractice",
        find_xiph_4k,
        _xiph_like,
    ),
    "x-test": Layout(
        "frames 4, 8 .. 28 from 0 and 32; mean over the seven frames of each scene, then scenes",
        "TypeN/SCENE/0000.png .. 0032.png",
        find_x_test,
        _x_test_like,
    ),
    "x-test-2k": Layout(
        "frames 4, 8 .. 28 from 0 and 32, at half size; mean over the seven frames of each scene, then scenes",
        "TypeN/SCENE/0000.png .. 0032.png",
        find_x_test_2k,
        _x_test_like,
    ),
    "sequence": Layout(
        "one frame in {every} is kept, those between are made, all kept frames may be looked at; mean over the "
        "frames of each clip, then clips",
        "a movie, image files in a row, or a folder of movies or of folders of image files",
        find_sequences,
        lambda folder: True,
        REPEATED,
    ),
}
AUTO: Final = "auto"


def find_layout(given: Path, asked: str = AUTO) -> str:
    """The name of the layout: the one that is asked for, else the one that the folder looks like.

    Raises:
        UsageError: no such layout, or two that fit.
    """
    if asked != AUTO:
        if asked not in LAYOUTS:
            raise UsageError(f"there is no layout {asked!r}", f"choose from {', '.join((AUTO, *LAYOUTS))}")
        return asked
    if not given.is_dir():
        return "sequence"
    fitting = [name for name, layout in LAYOUTS.items() if name != "sequence" and layout.matches(given)]
    if len(fitting) > 1:
        raise UsageError(f"{given} could be {' or '.join(fitting)}", f"say which: --layout {fitting[0]}")
    return fitting[0] if fitting else "sequence"


def find_clips(
    given: Path, name: str, *, every: int = 2, frames: str | None = None, flicker: bool = True
) -> list[Clip]:
    """The clips of a set.

    Args:
        given: its folder; of footage, also a movie or a pattern.
        name: a key of ``LAYOUTS``.
        every, frames, flicker: see ``find_sequences``; for footage only.

    Raises:
        InputError: nothing of the kind is there, or files are missing.
    """
    if name == "sequence":
        clips = find_sequences(given, every, frames, flicker)
    else:
        if not given.is_dir():
            raise InputError(f"{given} is no folder", f"{name} expects {LAYOUTS[name].expects}")
        clips = LAYOUTS[name].find(given)
    if not clips:
        raise InputError(f"{given} holds no {name}", f"expected {LAYOUTS[name].expects}")
    return clips

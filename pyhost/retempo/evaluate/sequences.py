"""How are whole sequences scored: any footage with frames taken out, and the published sets of that kind?

Xiph (the eight Netflix clips of Niklaus and Liu, CVPR 2020): frames 2, 4 .. 98 are made from their two neighbours; "2K"
is the frame at half its size by area averaging, "4K" its centre. X-TEST (Sim et al., ICCV 2021): frames 0 and 32 are
given, 4, 8 .. 28 are made; "2K" at half the size. Both protocols show a method two frames; plain footage shows all that
are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from retempo.errors import InputError
from retempo.evaluate.clip import Clip, Gap, drop_frames, files_clip
from retempo.io.rgb import Rgb, to_rgb
from retempo.io.sequence import open_source
from retempo.io.sets import list_footage

XIPH = ("BoxingPractice", "Crosswalk", "DrivingPOV", "FoodMarket", "FoodMarket2", "RitualDance",
        "SquareAndTimelapse", "Tango")  # fmt: skip
FLICKER = (4, 8)
"""Slow-downs at which flicker is looked at."""


def find_sequences(
    given: Path, every: int = 2, frames: str | None = None, flicker: bool = True
) -> list[Clip]:
    """A movie, a pattern or a folder with one sequence; or a folder of movies, or of folders with one sequence each.

    Args:
        given: where.
        every: one frame in so many is kept.
        frames: range to use of each; None uses all.
        flicker: also make the frames at ``FLICKER`` times slow motion, where the clip is long enough.

    Raises:
        InputError: nothing there, frames missing, a clip too short.
    """
    return [_sequence(name, path, every, frames, flicker) for name, path in list_footage(given)]


def _sequence(name: str, path: Path, every: int, frames: str | None, flicker: bool) -> Clip:
    source = open_source(path, frames)
    if source.missing:
        raise InputError(
            f"{source.path(source.missing[0])}: frame {source.missing[0]} is missing",
            "render it, or leave the gap out with --frames",
        )
    if len(source.frames) <= every:
        raise InputError(
            f"{path} has {len(source.frames)} frames; with one in {every} kept there is none to make",
            f"give {every + 1} frames or more, or a smaller --every",
        )
    other = {
        factor: drop_frames(source.frames, factor)
        for factor in (FLICKER if flicker else ())
        if factor != every and len(source.frames) > factor
    }

    def read(number: int) -> Rgb:
        return to_rgb(source.read(number))

    return Clip(
        name,
        read,
        lambda number: f"{name} frame {number}",
        drop_frames(source.frames, every),
        {factor: gaps for factor, gaps in other.items() if gaps},
    )


def find_xiph_2k(folder: Path) -> list[Clip]:
    """The eight clips as NAME-001.png .. NAME-100.png or NAME/001.png ..; half size."""
    return _xiph(folder, halve)


def find_xiph_4k(folder: Path) -> list[Clip]:
    """The same files, their centre."""
    return _xiph(folder, crop_centre)


def _xiph(folder: Path, change: Callable[[Rgb], Rgb]) -> list[Clip]:
    gaps = tuple(Gap((truth - 1, truth + 1), truth - 1, (truth,)) for truth in range(2, 99, 2))
    clips = []
    for name in XIPH:
        flat = {number: folder / f"{name}-{number:03d}.png" for number in range(1, 101)}
        nested = {number: folder / name / f"{number:03d}.png" for number in range(1, 101)}
        paths = nested if (folder / name).is_dir() else flat
        if any(path.is_file() for path in paths.values()):
            clips.append(files_clip(name, paths, gaps, change))
    return clips


def find_x_test(folder: Path) -> list[Clip]:
    """``TypeN/SCENE/0000.png .. 0032.png``, below ``folder`` or its ``test``."""
    return _x_test(folder, None)


def find_x_test_2k(folder: Path) -> list[Clip]:
    """The same files at half size."""
    return _x_test(folder, halve)


def _x_test(folder: Path, change: Callable[[Rgb], Rgb] | None) -> list[Clip]:
    root = folder / "test" if (folder / "test").is_dir() else folder
    clips = []
    for scene in sorted(path for path in root.glob("Type*/*") if path.is_dir()):
        files = sorted(scene.glob("*.png"))
        if len(files) != 33:
            raise InputError(f"{scene} holds {len(files)} pictures", "X-TEST has 33 a scene; copy it again")
        gap = Gap((0, 32), 0, tuple(range(4, 32, 4)))
        clips.append(files_clip(f"{scene.parent.name}/{scene.name}", dict(enumerate(files)), (gap,), change))
    return clips


def halve(picture: Rgb) -> Rgb:
    """Half the size by area averaging, rounded as OpenCV's INTER_AREA rounds 8 bits at exactly half size.

    Raises:
        InputError: an odd width or height.
    """
    height, width = picture.shape[:2]
    if height % 2 or width % 2:
        raise InputError(f"a picture of {width}x{height} has no half size", "check the set's files")
    blocks = picture.reshape(height // 2, 2, width // 2, 2, 3).astype(np.uint16)
    return ((blocks.sum(axis=(1, 3), dtype=np.uint16) + 2) >> 2).astype(np.uint8)


def crop_centre(picture: Rgb) -> Rgb:
    """The middle half of width and height: [540:-540, 1024:-1024] of a frame of 4096x2160."""
    height, width = picture.shape[:2]
    top, left = height // 4, width // 4
    return np.ascontiguousarray(picture[top : height - top, left : width - left])

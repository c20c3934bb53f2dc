"""Where do many short clips lie: numbered pictures a folder (Vimeo-90K), a folder of sequences, a folder of movies?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from retempo.io.formats import is_movie
from retempo.io.sequence import IMAGES

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
"""Of the published sets' pictures, as they come or as people convert them."""


def list_numbered(folder: Path, listed: str = "") -> list[tuple[str, Path]]:
    """(name, folder) of every clip whose pictures are im1, im2, ...

    Args:
        folder: of the set, or of one clip.
        listed: name of a list in it (``tri_testlist.txt``), a clip below ``sequences`` a line; without such a file all
            folders that hold an im1, in order.
    """
    names = folder / listed
    if not listed or not names.is_file():
        found = list_folders_with(folder, [f"im1{one}" for one in SUFFIXES])
        return [(name_below(where, folder), where) for where in found]
    lines = [line.strip() for line in names.read_text().splitlines()]
    root = folder / "sequences" if (folder / "sequences").is_dir() else folder
    return [(line, root / line) for line in lines if line]


def number_pictures(where: Path, count: int) -> dict[int, Path]:
    """im1 .. im``count`` of a clip's folder by number, whether they exist or not."""
    suffix = next((one for one in SUFFIXES if (where / f"im1{one}").is_file()), SUFFIXES[0])
    return {number: where / f"im{number}{suffix}" for number in range(1, count + 1)}


def holds_numbered(folder: Path, last: int) -> bool:
    """Is there im1 and im``last``, and no further one, here or up to three folders down?"""
    for depth in ("", "*/", "*/*/", "*/*/*/"):
        for suffix in SUFFIXES:
            found = next(folder.glob(f"{depth}im1{suffix}"), None)
            if found is not None:
                here = found.parent
                return (here / f"im{last}{suffix}").exists() and not (here / f"im{last + 1}{suffix}").exists()
    return False


def list_footage(given: Path) -> list[tuple[str, Path]]:
    """(name, what ``open_source`` takes) of a movie, a pattern or a folder with one sequence; or of each movie in a
    folder, or of each folder in it that holds pictures.
    """
    if not given.is_dir():
        return [(given.stem, given)]
    inside = sorted(path for path in given.iterdir() if not path.name.startswith("."))
    movies = [path for path in inside if path.is_file() and is_movie(path)]
    if movies:
        return [(path.name, path) for path in movies]
    if any(path.suffix.lower() in IMAGES for path in inside):
        return [(given.name, given)]
    return [(path.name, path) for path in inside if path.is_dir() and holds_images(path)]


def holds_images(folder: Path) -> bool:
    """Is there an image directly in this folder?"""
    return any(path.suffix.lower() in IMAGES for path in folder.iterdir())


def list_folders_with(folder: Path, names: Sequence[str]) -> list[Path]:
    """``folder`` and all folders in it that hold one of these files, in order."""
    found: Iterable[Path] = (path.parent for name in names for path in folder.rglob(name))
    return sorted(set(found))


def name_below(where: Path, folder: Path) -> str:
    """What to call a clip in ``where`` of a set in ``folder``."""
    relative = where.relative_to(folder).as_posix().removeprefix("sequences/")
    return where.name if relative == "." else relative

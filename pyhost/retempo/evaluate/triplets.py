"""How do the published sets of single in-betweens lie on disk, and how are they scored?

Vimeo-90K (Xue et al., IJCV 2019), UCF101 as selected by Liu et al. (ICCV 2017), Middlebury "other" (Baker et al.,
IJCV 2011), SNU-FILM (Choi et al., AAAI 2020). All show a method the two neighbours of a missing frame and nothing else;
so does this. Vimeo's septuplets show four of seven frames and ask for the one in the middle (FLAVR, DBVI).
"""

from __future__ import annotations

from pathlib import Path

from retempo.errors import InputError
from retempo.evaluate.clip import Clip, Gap, files_clip
from retempo.io.sets import list_folders_with, list_numbered, name_below, number_pictures

MIDDLE = (Gap((0, 2), 0, (1,)),)
SEPTUPLET = (Gap((1, 3, 5, 7), 3, (4,)),)
SPLITS = ("easy", "medium", "hard", "extreme")


def find_vimeo_triplets(folder: Path) -> list[Clip]:
    """``sequences/xxxxx/yyyy/im1 .. im3``, those of tri_testlist.txt; or any folders that hold im1, im2, im3."""
    return [_numbered(name, where, 3) for name, where in list_numbered(folder, "tri_testlist.txt")]


def find_vimeo_septuplets(folder: Path) -> list[Clip]:
    """``sequences/xxxxx/yyyy/im1 .. im7``, those of sep_testlist.txt; or any folders that hold im1 .. im7."""
    return [_numbered(name, where, 7) for name, where in list_numbered(folder, "sep_testlist.txt")]


def find_ucf101(folder: Path) -> list[Clip]:
    """Folders of frame_00.png, frame_01_gt.png, frame_02.png."""
    names = ("frame_00.png", "frame_01_gt.png", "frame_02.png")
    found = list_folders_with(folder, (names[0],))
    return [
        files_clip(name_below(where, folder), dict(enumerate(where / name for name in names)), MIDDLE)
        for where in found
    ]


def find_middlebury(folder: Path) -> list[Clip]:
    """``other-data/NAME/frame10.png``, frame11.png and ``other-gt-interp/NAME/frame10i11.png``."""
    truths = sorted(folder.glob("other-gt-interp/*/frame10i11.png"))
    clips = []
    for truth in truths:
        inputs = folder / "other-data" / truth.parent.name
        paths = {0: inputs / "frame10.png", 1: truth, 2: inputs / "frame11.png"}
        clips.append(files_clip(truth.parent.name, paths, MIDDLE))
    return clips


def find_snu_film(folder: Path) -> list[Clip]:
    """Lists test-easy.txt and so on, here or in eval_modes/; a line names three files. A clip is a split."""
    clips = []
    for split in SPLITS:
        lists = (folder / f"test-{split}.txt", folder / "eval_modes" / f"test-{split}.txt")
        found = next((path for path in lists if path.is_file()), None)
        if found is not None:
            clips.append(_split_clip(split, found, folder))
    return clips


def _split_clip(split: str, listed: Path, folder: Path) -> Clip:
    paths: dict[int, Path] = {}
    gaps = []
    for number, line in enumerate(listed.read_text().splitlines()):
        words = line.split()
        if not words:
            continue
        if len(words) != 3:
            raise InputError(
                f"{listed}, line {number + 1}: {len(words)} names", "expected three files a line"
            )
        start = 3 * number
        paths |= {start + at: _locate(folder, word) for at, word in enumerate(words)}
        gaps.append(Gap((start, start + 2), start, (start + 1,)))
    if not gaps:
        raise InputError(f"{listed} is empty", "copy the list again")
    return files_clip(split, paths, gaps)


def _locate(folder: Path, written: str) -> Path:
    """A listed file below ``folder``: the lists begin with the place where their authors had the set."""
    parts = [part for part in Path(written).parts if part not in ("/", "..", ".")]
    tails = (folder.joinpath(*parts[start:]) for start in range(len(parts)))
    return next((tail for tail in tails if tail.is_file()), folder.joinpath(*parts))


def _numbered(name: str, where: Path, count: int) -> Clip:
    """im1 .. im``count`` of a folder; a triplet's are numbered 0 to 2."""
    paths = number_pictures(where, count)
    if count == 3:
        return files_clip(name, {number - 1: path for number, path in paths.items()}, MIDDLE)
    return files_clip(name, paths, SEPTUPLET)

"""How does a clip become a clean plate? The median of every pixel over time, strip by strip, in bounded memory.

All frames are read once for each strip: of an image sequence only the strip's rows, of a movie the whole of it, in
several passes. Pixels are taken as the file holds them (a median needs no colour space), ids by frequency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from retempo.conventions import SETTINGS_KEY
from retempo.errors import UsageError
from retempo.fusion.median import median_of, mode_of
from retempo.io.formats import check_compression, is_movie
from retempo.io.frame import Frame, Layer, Window, check_same_layout
from retempo.io.source import Source
from retempo.io.target import Target, open_target
from retempo.render.canvas import fill_strip, slices, union_windows
from retempo.render.job import refuse_existing
from retempo.render.resume import Witness, check_way, combine_stamps
from retempo.render.settings import parse_memory
from retempo.render.shot import Progress

PLATE_VERSION = 1
"""Raised whenever a change of the code changes pixels of a plate."""
COPIES = 2.5
"""What the median takes in passing, as a multiple of the samples of a strip."""


@dataclass
class PlateReport:
    """What a plate took: frames that it is the median of, rows of a strip, strips, and whether it was there already."""

    frames: list[int] = field(default_factory=list)
    rows: int = 0
    strips: int = 0
    skipped: bool = False

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dict(vars(self))


def make_plate(
    source: Source,
    output: str,
    *,
    memory: str = "1G",
    data_type: str = "keep",
    compression: str = "keep",
    overwrite: bool = False,
    resume: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
) -> PlateReport:
    """Write the temporal median of all frames of a source as one picture.

    Args:
        source: the clip.
        output: an image file.
        memory: budget for the samples that are held, e.g. ``2G``.
        data_type, compression: as of a retime.
        overwrite: replace the picture, if it exists; ``resume``: unless it is whole and of the same frames;
            ``verify``: and every byte of it is as it was written.
        progress: called as ``progress(done, total, what)`` after each frame of each strip.

    Raises:
        UsageError: a movie as output, or a budget that no row fits in.
        InputError, OutputError: a frame cannot be read, or differs from the first; the picture cannot be written.
    """
    check_way(overwrite, resume, verify)
    if is_movie(output):
        raise UsageError(f"--output is {output}", "a plate is one picture: write plate.exr")
    if compression != "keep":
        check_compression(output, compression)
    number = source.frames[0]
    target = open_target(
        output,
        overwrite=overwrite or resume,
        source=source,
        frames=[number],
        depth=None if data_type == "keep" else data_type,
    )
    digests = [source.digest(one) for one in source.frames]
    stamp = combine_stamps([f"plate {PLATE_VERSION}", data_type, compression, *digests])
    report = PlateReport(list(source.frames))
    if resume and target.stamp(number) == stamp and target.is_whole(number, verify):
        report.skipped = True
        return report
    if not (overwrite or resume):
        refuse_existing(target, [number])
    attributes = {SETTINGS_KEY: stamp, **({} if compression == "keep" else {"compression": compression})}
    witness = Witness(source.frames, source)
    try:
        _write_plate(source, target, attributes, memory, report, progress, witness)
        target.close()
    except BaseException:
        target.abort()
        raise
    return report


def _write_plate(
    source: Source,
    target: Target,
    attributes: Mapping[str, Any],
    memory: str,
    report: PlateReport,
    progress: Progress | None,
    witness: Witness,
) -> None:
    number = source.frames[0]
    header, windows = survey_windows(source)
    header = replace(
        header, layers=[layer.like(layer.pixels, window=windows[i]) for i, layer in enumerate(header.layers)]
    )
    rows = plan_rows(header, len(source.frames), memory)
    top = min(window.y for window in windows.values())
    bottom = max(window.y1 for window in windows.values())
    starts = range(top, bottom, rows)
    report.rows, report.strips = min(rows, bottom - top), len(starts)
    writer = target.begin(number, header, attributes)
    try:
        for done, row in enumerate(starts):

            def tell(read: int, strip: int = done) -> None:
                if progress is not None:
                    total = len(starts) * len(source.frames)
                    progress(strip * len(source.frames) + read, total, f"rows {starts[strip]}")

            writer.write_rows(row, make_strip(source, header, (row, min(row + rows, bottom)), tell))
        witness.check()
        writer.commit()
    except BaseException:
        writer.abort()
        raise


def survey_windows(source: Source) -> tuple[Frame, dict[int, Window]]:
    """The first frame's header, and the data window that each layer of the plate has: all frames' together.

    Raises:
        InputError: a frame differs from the first in size, parts or channels.
    """
    first = source.header(source.frames[0])
    if source.kind == "movie":
        return first, union_windows([first])
    headers = [first]
    for number in source.frames[1:]:
        header = source.header(number)
        check_same_layout(first, header)
        headers.append(header)
    return first, union_windows(headers)


def plan_rows(header: Frame, frames: int, memory: str) -> int:
    """How many rows of all frames fit the budget.

    Raises:
        UsageError: not even one does.
    """
    height = max(layer.window.height for layer in header.layers)
    budget = parse_memory(memory)
    if budget is None:
        return height
    samples = sum(
        layer.window.width * (len(layer.channels) + len(layer.id_channels)) for layer in header.layers
    )
    row = 4 * samples * (frames * COPIES + 2)
    if row > budget:
        least = int(row / (1 << 20)) + 1
        raise UsageError(
            f"one row of {frames} frames does not fit {memory}", f"give --memory at least {least}M"
        )
    return min(height, int(budget / row))


def make_strip(source: Source, header: Frame, rows: tuple[int, int], tell: Any) -> list[Layer]:
    """The layers of one strip: medians over all frames of the source.

    Args:
        header: with the plate's windows.
        rows: first, and one past the last, display coordinates.
        tell: called with the number of frames read so far.
    """
    count = len(source.frames)
    parts = {index: layer.window.rows(*rows) for index, layer in enumerate(header.layers)}
    parts = {index: part for index, part in parts.items() if part.height > 0}
    pixels = {i: _room(count, parts[i], header.layers[i].channels, np.float32) for i in parts}
    ids = {i: _room(count, parts[i], header.layers[i].id_channels, np.uint32) for i in parts}
    for position, number in enumerate(source.frames):
        frame = source.read(number, rows)
        check_same_layout(header, frame)
        for index, part in parts.items():
            layer, wanted = frame.layers[index], header.layers[index]
            if layer.window.height and layer.window.width:
                inside = slices(layer.window, part)
                pixels[index][(position, *inside)] = _ordered(layer.pixels, layer.channels, wanted.channels)
                ids[index][(position, *inside)] = _ordered(layer.ids, layer.id_channels, wanted.id_channels)
        tell(position + 1)
    made = {
        index: header.layers[index].like(median_of(pixels.pop(index)), mode_of(ids.pop(index)), part)
        for index, part in parts.items()
    }
    return fill_strip(header, made, rows[0])


def _room(count: int, part: Window, names: Sequence[str], kind: Any) -> np.ndarray:
    return np.zeros((count, part.height, part.width, len(names)), kind)


def _ordered(values: np.ndarray, names: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Channels in the order of the first frame."""
    return (
        values if tuple(names) == tuple(wanted) else values[..., [list(names).index(one) for one in wanted]]
    )

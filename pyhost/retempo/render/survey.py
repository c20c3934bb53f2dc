"""What is special about a source, when nobody says? Looks at every frame once, in flow space, some rows at a time.

What is found (cuts, dissolves, repeated frames) is put into the settings in place of ``auto``, as if it had been
listed: so plans show it, stamps hold it, and nothing is looked for twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from retempo.errors import UsageError
from retempo.io.frame import Frame, Window
from retempo.io.sequence import open_source
from retempo.io.source import Source
from retempo.metrics import duplicates, shots
from retempo.metrics.dissolves import find_dissolves
from retempo.metrics.overlay import OverlayMeter
from retempo.metrics.small import Shrinker, Small
from retempo.render.canvas import canvas_window, group_views, guide_of
from retempo.render.frame import FrameRenderer
from retempo.render.overlay import NONE, Overlay, read_mask
from retempo.render.settings import AUTO, OFF, RetimeSettings
from retempo.retime.cut_lists import load_cuts, names_file
from retempo.retime.cuts import Stretch, name_stretch
from retempo.retime.rational import parse_rate

ROWS = 256
"""Read and converted at a time, so that no frame is held whole."""


class Watcher(Protocol):
    """Looks at the frames of a source in order, and says what it saw."""

    def add(self, part: np.ndarray) -> None:
        """The next rows of a frame, [h, W, 3] float32 in flow space."""
        ...

    def finish(self) -> None:
        """The frame is over."""
        ...

    def conclude(self, settings: RetimeSettings, frames: tuple[int, ...]) -> RetimeSettings:
        """The settings with what was seen; ``frames`` are the numbers of those that were looked at."""
        ...


class ShotWatcher:
    """Where do new shots begin, and where do two dissolve? See ``metrics.shots`` and ``metrics.dissolves``."""

    def __init__(self) -> None:
        self._shrinker = Shrinker(shots.WIDTH, shots.HEIGHT)
        self._small: list[Small] = []

    def add(self, part: np.ndarray) -> None:
        self._shrinker.add(part)

    def finish(self) -> None:
        self._small.append(self._shrinker.finish())

    def conclude(self, settings: RetimeSettings, frames: tuple[int, ...]) -> RetimeSettings:
        if settings.dissolves == AUTO:
            found = [(frames[first], frames[last]) for first, last in find_dissolves(self._small)]
            settings = replace(settings, dissolves=_name_stretches(found))
        if settings.cuts == AUTO:
            found_cuts = shots.find_cuts([shots.normalise(small) for small in self._small])
            settings = replace(settings, cuts=_listed(frames, found_cuts))
        return settings


class RepeatWatcher:
    """Which frames repeat the one before? See ``metrics.duplicates``."""

    def __init__(self) -> None:
        self._shrinker = Shrinker(duplicates.WIDTH, duplicates.HEIGHT)
        self._hash = hashlib.blake2b(digest_size=16)
        self._meter = duplicates.StepMeter()

    def add(self, part: np.ndarray) -> None:
        self._shrinker.add(part)
        self._hash.update(np.ascontiguousarray(part).data)

    def finish(self) -> None:
        self._meter.add(self._shrinker.finish(), self._hash.digest())
        self._hash = hashlib.blake2b(digest_size=16)

    def conclude(self, settings: RetimeSettings, frames: tuple[int, ...]) -> RetimeSettings:
        return replace(
            settings, duplicate_frames=_listed(frames, duplicates.find_duplicates(self._meter.steps))
        )


@dataclass(frozen=True)
class Survey:
    """What is known before anything is planned.

    Args:
        settings: with lists in place of ``auto``.
        overlay: what must not move; None where nothing was found, or looked for.
    """

    settings: RetimeSettings
    overlay: Overlay | None = None


def survey(
    settings: RetimeSettings,
    source: Source,
    open_renderer: Callable[[RetimeSettings, Source], FrameRenderer],
) -> Survey:
    """What is special about a source; it is read if there is anything to be looked for. What an edit list says counts.

    Raises:
        InputError: a frame cannot be read.
    """
    if names_file(settings.cuts):
        rate = parse_rate(settings.fps, "--fps") if settings.fps else source.fps
        cuts, over = load_cuts(settings.cuts, source.frames[0], rate)
        settings = replace(settings, cuts=",".join(map(str, cuts)))
        if settings.dissolves == AUTO:
            settings = replace(settings, dissolves=_name_stretches(over))
    watchers: list[Watcher] = []
    if AUTO in (settings.cuts, settings.dissolves):
        watchers.append(ShotWatcher())
    if settings.duplicates != "keep" and settings.duplicate_frames == AUTO:
        watchers.append(RepeatWatcher())
    known = settings.found_overlay if settings.overlay == AUTO else ""
    meter = OverlayMeter() if settings.overlay == AUTO and not known else None
    if not watchers and meter is None:
        return Survey(settings, known_overlay(known, source))
    renderer = open_renderer(settings, source)
    for number in source.frames:
        for part in guides_in_parts(source, number, renderer):
            for watcher in (*watchers, *((meter,) if meter else ())):
                watcher.add(part)
        for watcher in watchers:
            watcher.finish()
        window = _window(source, number)
        if meter is not None and not (meter.finish() and window == _window(source, source.frames[0])):
            raise UsageError(
                f"{source.path(number)} has another data window than the frames before it",
                "give --overlay a picture that is white where nothing moves",
            )
    for watcher in watchers:
        settings = watcher.conclude(settings, source.frames)
    found = meter.find() if meter else None
    if known or found is None:
        return Survey(settings, known_overlay(known, source))
    return Survey(settings, Overlay(found, _window(source, source.frames[0])))


def known_overlay(known: str, source: Source) -> Overlay | None:
    """What an earlier look found, the very same: from a picture that it was written to; None for ``none`` and ''.

    Raises:
        InputError: there is no such picture, or it has another size than the source.
    """
    if known in ("", NONE):
        return None
    masks = open_source(known)
    mask, window = read_mask(masks, masks.frames[0], source.header(source.frames[0]).display)
    return Overlay(mask > 0.5, window)


def _window(source: Source, number: int) -> Window:
    """What the picture that is looked at covers."""
    header = source.header(number)
    return canvas_window([header], next(iter(group_views(header).values())))


def thumbnail_of(frame: Frame, renderer: FrameRenderer) -> shots.Thumbnail:
    """The small picture that ``ShotWatcher`` compares of a frame which is there already, the same bits."""
    layers = next(iter(group_views(frame).values()))
    window = canvas_window([frame], layers)
    guide = guide_of(frame, layers, window, renderer.color, renderer.settings.flow_layer)
    return shots.make_thumbnail([guide])


def _listed(frames: tuple[int, ...], indices: list[int]) -> str:
    return ",".join(str(frames[index]) for index in indices)


def _name_stretches(stretches: Sequence[Stretch]) -> str:
    return ",".join(map(name_stretch, stretches)) or OFF


def guides_in_parts(source: Source, number: int, renderer: FrameRenderer) -> Iterator[np.ndarray]:
    """The picture that flow would be found on, of the first view, some rows at a time."""
    header = source.header(number)
    layers = next(iter(group_views(header).values()))
    window = canvas_window([header], layers)
    rows = ROWS if source.kind == "images" else window.height  # a movie's frame is decoded whole
    for row in range(window.y, window.y1, rows):
        part = window.rows(row, row + rows)
        frame = source.read(number, (part.y, part.y1))
        yield guide_of(frame, layers, part, renderer.color, renderer.settings.flow_layer)

"""What do an output frame, its source frame and their difference look like? Writes their pictures for a review."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from retempo.errors import InputError
from retempo.io.result import ResultFrames
from retempo.io.source import Source
from retempo.io.stills import write_still
from retempo.render.review_facts import nearest_source, state_of
from retempo.render.review_pictures import Screen
from retempo.render.steps import Step
from retempo.report.heat_map import paint_error
from retempo.report.review import BROKEN, MEDIA, MISSING

HEAT: Final = 0.25
"""Difference that is red, of full scale: the same in all frames, so that they compare."""
KEPT: Final = 8
"""Pictures of source frames held at a time."""


@dataclass(frozen=True)
class FramePictures:
    """Names of the pictures of one output frame, and the state of its file; see ``report.review.OutputFrame``."""

    nearest: int | None
    before: str | None
    after: str | None
    difference: str | None
    state: str
    fault: str


class FramePainter:
    """Paints one output frame after the other.

    Args:
        source: of the retime. result: what was made of it.
        against: what the result is compared with; None takes the source frame beside it.
        screen: makes pictures of frames. place: folder that holds ``MEDIA``.
    """

    def __init__(
        self, source: Source, result: ResultFrames, against: ResultFrames | None, screen: Screen, place: Path
    ) -> None:
        self._source, self._result, self._against = source, result, against
        self._screen, self._place = screen, place
        self._held: OrderedDict[int, np.ndarray] = OrderedDict()

    def paint(self, step: Step) -> FramePictures:
        """Write the pictures of an output frame; those of a source frame once.

        Raises:
            InputError: a source frame cannot be read. OutputError: a picture cannot be written.
        """
        number, nearest = step.entry.output, nearest_source(step.entry)
        beside = None if nearest is None else self._source_picture(nearest)
        state, fault = state_of(number, self._result, step.stamp)
        picture = None
        if state not in (MISSING, BROKEN):
            try:
                picture = self._screen.result(self._result.read(number))
            except InputError as error:
                state, fault = BROKEN, error.message
        after = difference = None
        if picture is not None:
            after = self._write(f"after.{number:04d}.jpg", picture)
            other = self._other(number, beside)
            if other is not None:
                heat = paint_error(other, picture, largest=HEAT, bar=False)
                difference = self._write(f"difference.{number:04d}.jpg", heat)
        before = None if nearest is None else f"{MEDIA}/{_source_name(nearest)}"
        return FramePictures(nearest, before, after, difference, state, fault)

    def _source_picture(self, number: int) -> np.ndarray:
        """The picture of a source frame, written the first time."""
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        picture = self._screen.source(self._source.read(number))
        if not (self._place / MEDIA / _source_name(number)).exists():
            self._write(_source_name(number), picture)
        self._held[number] = picture
        while len(self._held) > KEPT:
            self._held.popitem(last=False)
        return picture

    def _other(self, number: int, beside: np.ndarray | None) -> np.ndarray | None:
        """What a frame is compared with; None where there is nothing."""
        if self._against is None:
            return beside
        return None if self._against.fault(number) else self._screen.result(self._against.read(number))

    def _write(self, name: str, picture: np.ndarray) -> str:
        write_still(self._place / MEDIA / name, picture)
        return f"{MEDIA}/{name}"


def _source_name(number: int) -> str:
    return f"before.{number:04d}.jpg"

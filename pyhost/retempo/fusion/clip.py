"""How is a whole clip fused, frame after frame, in bounded memory? What a frame needs of its neighbours is pulled.

Nothing is told in advance: asked for frame n, ``ClipFusion`` asks for the importance of the frames around it, these
for smoothed frames, these for source frames, each of which is made once and kept for as long as a later frame can
want it. So any subset of the frames (a resumed job) comes out bit for bit as in the whole clip.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retempo.fusion.importance import (
    average,
    frame_change,
    longer_gradient,
    scene_change,
    static_weight,
)
from retempo.fusion.mixing import Solver, mix
from retempo.fusion.options import FusionOptions
from retempo.fusion.space import decode, from_log, to_log
from retempo.ops import susan

Picture = NDArray[np.float32]
Plane = NDArray[np.float32]
Read = Callable[[int], Picture]


class Fused(NamedTuple):
    """One frame: [H, W, 3] linear light, and two planes [H, W] in [0, 1] that it was made with.

    ``importance`` is W; ``share`` that of the night's gradients, which of a video may be more (``elsewhere``).
    """

    picture: Picture
    importance: Plane
    share: Plane


class ClipFusion:
    """Fuses the frames of one clip, asked for in increasing order.

    Args:
        read: frame of a number, [H, W, 3] float32 linear light, finite.
        numbers: of all frames of the clip, increasing.
        day: the plate for a frame's number, as ``read``.
        options: the algorithm and its parameters.
        reference: the same view at night without the action, for a frame's number; for ``dynamic``.
        matte: [H, W] in [0, 1] for a frame's number, times which importance goes.
        solver: where pictures are solved; its ``screen`` is that of the options.
        threads: for smoothing, 0 for all.
    """

    def __init__(
        self,
        read: Read,
        numbers: Sequence[int],
        day: Read,
        options: FusionOptions,
        *,
        reference: Read | None = None,
        matte: Callable[[int], Plane] | None = None,
        solver: Solver | None = None,
        threads: int = 0,
    ) -> None:
        assert options.method != "dynamic" or reference is not None
        self._read, self._day, self._reference, self._matte = read, day, reference, matte
        self._numbers = tuple(numbers)
        self._position = {number: position for position, number in enumerate(self._numbers)}
        self.options = options
        self.solver = solver or Solver(options.screen, options.fit, threads=threads)
        self._threads = threads
        self._smoothed: dict[tuple[int, int], Picture] = {}  # (times smoothed, position); log
        self._weights: dict[int, Plane] = {}
        self._days: tuple[int, Picture, Picture] | None = None

    def needs(self, number: int) -> tuple[int, ...]:
        """Numbers of the frames that are looked at to make one, itself among them."""
        before, after = self.options.reach
        here = self._position[number]
        return self._numbers[max(0, here - before) : here + after + 1]

    def fuse(self, number: int) -> Fused:
        """One frame; those before what it needs are forgotten."""
        here = self._position[number]
        self._forget(here)
        weight = self.importance(number)
        night_log = self._smooth(self.options.denoise, here)
        day, day_log = self._background(number)
        chosen = self._choose(number, weight, night_log, day_log)
        if self.options.space == "log":
            mixed = mix(night_log, day_log, weight, chosen, self.solver)
        else:
            night = from_log(night_log) if self.options.denoise else self._read(number)
            mixed = mix(night, day, weight, chosen, self.solver)
        return Fused(decode(np.asarray(mixed, np.float32), self.options.space), weight, chosen)

    def _choose(self, number: int, weight: Plane, night: Picture, day: Picture) -> Plane:
        """Share of the night's gradients: beside the importance, of a video, where they are the longer ones."""
        if self.options.method != "video" or self.options.elsewhere == "day":
            return weight
        longer = longer_gradient(night, day, self.options).astype(np.float32)
        if self._matte is not None:
            longer *= self._matte(number)
        if self.options.elsewhere == "unimportant":
            return np.where(weight > 0, weight, longer)
        return np.maximum(weight, longer)

    def importance(self, number: int) -> Plane:
        """W of a frame, [H, W] in [0, 1]: of a video after hysteresis, and times the matte, where there is one."""
        here = self._position[number]
        if self.options.method == "video":
            reach = self.options.hysteresis
            around = range(max(0, here - reach), min(len(self._numbers), here + reach + 1))
            weight = average([self._weigh(one) for one in around])
        else:
            weight = self._weigh(here)
        return weight if self._matte is None else weight * self._matte(number)

    def _weigh(self, position: int) -> Plane:
        """Importance of one frame before hysteresis."""
        found = self._weights.get(position)
        if found is None:
            number, times = self._numbers[position], self.options.denoise
            night = self._smooth(times, position)
            found = static_weight(night, self._background(number)[1], self.options)
            if self.options.method == "dynamic":
                assert self._reference is not None
                found = found * scene_change(night, to_log(self._reference(number)), self.options)
            elif self.options.method == "video":
                other = position - 1 if position else min(1, len(self._numbers) - 1)
                found = found * frame_change(night, self._smooth(times, other), self.options)
            self._weights[position] = found
        return found

    def _smooth(self, times: int, position: int) -> Picture:
        """A frame in the log, smoothed ``times`` times."""
        found = self._smoothed.get((times, position))
        if found is None:
            if times == 0:
                found = to_log(self._read(self._numbers[position]))
            else:
                span, options = self.options.span, self.options
                first = max(0, position - span)
                last = min(len(self._numbers), position + span + 1)
                frames = [self._smooth(times - 1, one) for one in range(first, last)]
                found = susan(
                    frames, position - first,
                    sigma=options.sigma, t=options.t, radius=options.radius, threads=self._threads,
                )  # fmt: skip
            self._smoothed[times, position] = found
        return found

    def _background(self, number: int) -> tuple[Picture, Picture]:
        """The plate for a frame, in linear light and in the log; one is kept."""
        day = self._day(number)
        if self._days is None or self._days[1] is not day:
            self._days = (number, day, to_log(day))
        return self._days[1], self._days[2]

    def _forget(self, here: int) -> None:
        """Let go of what frames from ``here`` on do not want: of each stage what its next one still needs."""
        moving = self.options.method == "video"
        first = max(0, here - (self.options.hysteresis if moving else 0))
        self._weights = {one: plane for one, plane in self._weights.items() if one >= first}
        missing = _first_missing(first, self._weights)
        oldest = min(here, missing - 1 if moving else missing)
        for done in range(self.options.denoise, -1, -1):
            held = {one: picture for (stage, one), picture in self._smoothed.items() if stage == done}
            for one in held:
                if one < oldest:
                    del self._smoothed[done, one]
            oldest = _first_missing(max(0, oldest), held) - self.options.span


def _first_missing(position: int, held: Container[int]) -> int:
    """The first position from here on that is not held."""
    while position in held:
        position += 1
    return position

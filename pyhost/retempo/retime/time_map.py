"""Which moment of the source does output frame n show?

A time map turns an output frame number into a source time: a frame number of the source, possibly between
two frames, as an exact ``Fraction``. Both ends count in frames; seconds never appear. Maps know no files
and no range of frames: what happens outside of the source is the plan's business.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol, runtime_checkable

from retempo.errors import TimingError
from retempo.retime.curves import Curve
from retempo.retime.rational import Number, format_number, parse_rate, parse_speed

FrameRange = tuple[int, int]
"""First and last frame, both included."""


@runtime_checkable
class TimeMap(Protocol):
    """Output frame -> source time, exactly."""

    def source_time(self, output: int | Fraction) -> Fraction:
        """The source time shown by an output frame (fractions of output frames allowed)."""
        ...

    def describe(self) -> str:
        """One line for people."""
        ...


@dataclass(frozen=True)
class ConstantSpeed:
    """``speed`` source frames per output frame; ``first_output`` shows ``first_source``. Negative: backwards.

    ``speed`` may be given as a number or a text ('1/4', '0.5', '25%'); it is held exactly.

    Raises:
        TimingError: speed 0.
    """

    speed: Fraction
    first_output: int | Fraction
    first_source: int | Fraction

    def __init__(self, speed: Number, first_output: int | Fraction, first_source: int | Fraction) -> None:
        object.__setattr__(self, "speed", parse_speed(speed))
        object.__setattr__(self, "first_output", first_output)
        object.__setattr__(self, "first_source", first_source)

    @classmethod
    def over(cls, speed: Number, source_range: FrameRange, first_output: int | None = None) -> ConstantSpeed:
        """Play ``source_range`` from its start, or from its end at a negative speed.

        The first output frame gets the number of the range's first frame unless ``first_output`` says else.
        """
        first, last = source_range
        exact = parse_speed(speed)
        return cls(exact, first if first_output is None else first_output, first if exact > 0 else last)

    def source_time(self, output: int | Fraction) -> Fraction:
        return self.first_source + self.speed * (Fraction(output) - self.first_output)

    def describe(self) -> str:
        way = ", backwards" if self.speed < 0 else ""
        return f"{format_number(abs(self.speed) * 100)} % speed{way}"


@dataclass(frozen=True, init=False)
class FrameRate(ConstantSpeed):
    """The same motion at another frame rate: ``source_rate`` -> ``target_rate``, both in frames per second.

    Raises:
        TimingError: a rate that is not greater than 0.
    """

    source_rate: Fraction
    target_rate: Fraction

    def __init__(
        self,
        source_rate: Number,
        target_rate: Number,
        first_output: int | Fraction,
        first_source: int | Fraction,
    ) -> None:
        source, target = (
            parse_rate(source_rate, "source frame rate"),
            parse_rate(target_rate, "target frame rate"),
        )
        super().__init__(source / target, first_output, first_source)
        object.__setattr__(self, "source_rate", source)
        object.__setattr__(self, "target_rate", target)

    def describe(self) -> str:
        return f"{format_number(self.source_rate)} to {format_number(self.target_rate)} frames per second"


@dataclass(frozen=True)
class Duration:
    """Exactly ``frames`` output frames; the first shows ``first_source``, the last shows ``last_source``.

    ``last_source`` before ``first_source`` plays backwards. One output frame shows ``first_source``.

    Raises:
        TimingError: fewer than 1 output frame.
    """

    frames: int
    first_source: int | Fraction
    last_source: int | Fraction
    first_output: int | Fraction

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise TimingError(f"the duration is {self.frames} frames", "ask for at least 1 frame")

    def source_time(self, output: int | Fraction) -> Fraction:
        steps = max(self.frames - 1, 1)
        travel = Fraction(self.last_source) - self.first_source if self.frames > 1 else Fraction(0)
        return self.first_source + travel * (Fraction(output) - self.first_output) / steps

    def describe(self) -> str:
        return f"{self.frames} frames from {format_number(Fraction(self.first_source))} to " + format_number(
            Fraction(self.last_source)
        )


@dataclass(frozen=True)
class Freeze:
    """One source time for ever."""

    at: int | Fraction

    def source_time(self, output: int | Fraction) -> Fraction:
        return Fraction(self.at)

    def describe(self) -> str:
        return f"frozen at {format_number(Fraction(self.at))}"


@dataclass(frozen=True)
class SpeedCurve:
    """An animated speed over output frames, integrated: ``first_output`` shows ``first_source``.

    source_time(n) = first_source + integral of speed from first_output to n, in closed form. Speeds may
    pass through 0 (a stop) and below (backwards).
    """

    curve: Curve
    first_output: int | Fraction
    first_source: int | Fraction

    def source_time(self, output: int | Fraction) -> Fraction:
        return self.first_source + self.curve.integral(Fraction(self.first_output), Fraction(output))

    def describe(self) -> str:
        return f"speed curve of {len(self.curve.keys)} keys"


@dataclass(frozen=True)
class FrameCurve:
    """An animated source frame over output frames."""

    curve: Curve

    def source_time(self, output: int | Fraction) -> Fraction:
        return self.curve.value(output)

    def describe(self) -> str:
        return f"frame curve of {len(self.curve.keys)} keys"


@dataclass(frozen=True)
class AvoidOriginals:
    """``inner`` sampled off the source frames, so that no output is sharper than its neighbours.

    At a constant speed p/q the source times lie on a grid of step 1/q. They are shifted in the direction of
    play, by at most one step, so that their distance to whole frames is an odd multiple of 1/(2q): .25 and
    .75 at half speed; 1/8, 3/8, 5/8, 7/8 at a quarter; .5 at whole speeds. No output hits a source frame.
    Other maps (curves, freezes) have no grid: they are read half an output frame later, which is the same
    shift wherever the speed is 1/q. A hit that remains there (a stop, a momentary speed of 2) passes through.
    """

    inner: TimeMap

    def source_time(self, output: int | Fraction) -> Fraction:
        speed = constant_speed(self.inner)
        if speed is None:
            return self.inner.source_time(Fraction(output) + Fraction(1, 2))
        return self.inner.source_time(output) + self._shift(speed)

    def _shift(self, speed: Fraction) -> Fraction:
        step = Fraction(1, speed.denominator)
        start = self.inner.source_time(0) % step  # where the grid lies between two multiples of its step
        ahead = (step / 2 - start) if speed > 0 else (start - step / 2)
        return ahead % step if speed > 0 else -(ahead % step)

    def describe(self) -> str:
        return f"{self.inner.describe()}, avoiding originals"


def constant_speed(time_map: TimeMap) -> Fraction | None:
    """The one speed of a map in source frames per output frame, or None when it varies or is 0."""
    if isinstance(time_map, AvoidOriginals):
        return constant_speed(time_map.inner)
    if isinstance(time_map, (ConstantSpeed, Duration)):
        return (time_map.source_time(1) - time_map.source_time(0)) or None
    return None


def is_whole(time: Fraction) -> bool:
    """Does a source time fall exactly on a frame?"""
    return math.floor(time) == time

"""When does the shutter stand open around an output frame, and at which instants is the motion looked at?

A blurred frame is the mean of instants spread evenly over that time, in *output* frames: each instant has its
own source time by the time map, so a ramp blurs as fast as it runs there, backwards included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from retempo.errors import UsageError
from retempo.retime.moment import PlanEntry

AUTO_INSTANTS = 64
"""What ``auto`` spreads over the shutter; rendering takes as many of them as the motion is long."""
LARGEST_DENOMINATOR = 100_000
"""Of an instant's source time: what the wire to the plugin carries. The error is below 1e-5 frames."""
OFFSETS = ("centred", "start", "end", "custom")


@dataclass(frozen=True)
class Shutter:
    """An interval of output time relative to the output frame, looked at ``samples`` times.

    Args:
        samples: instants, each in the middle of its share of the interval; 0: ``AUTO_INSTANTS`` to choose from.
        angle: length in degrees, 360 is one output frame.
        opens: begin in output frames, relative to the frame; negative: before it.
    """

    samples: int
    angle: Fraction
    opens: Fraction

    @classmethod
    def of(cls, samples: int, angle: float, offset: str, phase: float) -> Shutter | None:
        """The shutter that the settings ask for; None when it is off.

        Args:
            samples: 1: off; 0: auto.
            angle: degrees.
            offset: centred (around the frame), start (opens at it), end (closes at it), custom (opens at ``phase``).
            phase: degrees after the frame at which a custom shutter opens.

        Raises:
            UsageError: an unknown offset.
        """
        if offset not in OFFSETS:
            raise UsageError(f"the shutter offset is {offset!r}", f"use one of {', '.join(OFFSETS)}")
        if samples == 1:
            return None
        length = Fraction(str(angle)) / 360
        opens = {
            "centred": -length / 2, "start": Fraction(0), "end": -length, "custom": Fraction(str(phase)) / 360,
        }[offset]  # fmt: skip
        return cls(samples, Fraction(str(angle)), opens)

    def times(self, output: int) -> list[Fraction]:
        """The output times of the instants of frame ``output``, ascending."""
        count = self.samples or AUTO_INSTANTS
        length = self.angle / 360
        return [output + self.opens + length * Fraction(2 * k + 1, 2 * count) for k in range(count)]


def near(time: Fraction) -> Fraction:
    """An instant's source time as it is used, see ``LARGEST_DENOMINATOR``."""
    return time.limit_denominator(LARGEST_DENOMINATOR)


def expose(entry: PlanEntry, instants: Sequence[PlanEntry]) -> PlanEntry:
    """The entry of a frame that is the mean of ``instants``; where all of them are one, it is that one.

    So a frozen frame, and what is held outside of the source, stays a copy where it was one.
    """
    first = instants[0]
    if len({_content(one) for one in instants}) == 1:
        return replace(first, source_time=entry.source_time if first.kind == "black" else first.source_time)
    frames = [frame for one in instants for frame in (one.first, one.second) if frame is not None]
    return PlanEntry(
        entry.output,
        entry.source_time,
        "blur",
        min(frames),
        max(frames),
        Fraction(0),
        entry.note,
        tuple(instants),
    )


def _content(one: PlanEntry) -> tuple[object, ...]:
    """What a moment shows; black is the same at any time."""
    return one.kind, one.first, one.second, one.kind == "black" or one.source_time

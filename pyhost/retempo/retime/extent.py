"""How many output frames does a time map make of a range of source frames?

The natural length: every output frame whose source time lies within [first, last] of the source. At 1/4
speed ten frames make 37, not 40: nothing exists to interpolate towards after the last frame. Backwards
the same holds. Maps that never leave the source, such as a freeze, have no natural length.
"""

from __future__ import annotations

import math

from retempo.errors import TimingError
from retempo.retime.rational import format_number
from retempo.retime.time_map import (
    AvoidOriginals,
    Duration,
    FrameCurve,
    FrameRange,
    SpeedCurve,
    TimeMap,
    constant_speed,
)

MAX_OUTPUTS = 1_000_000
"""More output frames than this (11 hours at 24 frames per second) are taken for a mistake."""


def check_range(span: FrameRange, what: str = "range") -> FrameRange:
    """Refuse an empty or absurdly long range.

    Raises:
        TimingError: last before first, or more than ``MAX_OUTPUTS`` frames.
    """
    first, last = span
    if last < first:
        raise TimingError(
            f"the {what} {first}-{last} is empty", "give the first frame first, such as 1001-1010"
        )
    if last - first + 1 > MAX_OUTPUTS:
        raise TimingError(
            f"the {what} {first}-{last} has {last - first + 1} frames, more than {MAX_OUTPUTS}",
            "check the speed and the range, or work in several parts",
        )
    return span


def output_range(time_map: TimeMap, source_range: FrameRange) -> FrameRange:
    """First and last output frame of the natural length of ``time_map`` over ``source_range``.

    - constant speeds and frame rates: all outputs whose source time lies within [first, last]; the first of
      them need not be ``first_output`` when that lies inside the range;
    - Duration: its number of frames, whatever the range;
    - SpeedCurve: from ``first_output`` until the source time first leaves the range, or to the last key when
      the curve ends with speed 0;
    - FrameCurve: from its first key to its last;
    - AvoidOriginals: those outputs of the inner map whose shifted time still lies within the range.

    Raises:
        TimingError: an empty source range, no output inside of it, too many outputs, or no natural length.
    """
    first, last = source_range
    if last < first:
        raise TimingError(
            f"the source range {first}-{last} is empty", "give the first frame first, such as 1001-1010"
        )
    inner = time_map.inner if isinstance(time_map, AvoidOriginals) else time_map
    speed = constant_speed(inner)
    if isinstance(inner, Duration) and inner is time_map:
        start = math.ceil(inner.first_output)
        return check_range((start, start + inner.frames - 1), "output range")
    if isinstance(inner, FrameCurve):
        start, end = math.ceil(inner.curve.keys[0].time), math.floor(inner.curve.keys[-1].time)
        return _non_empty(start, end, "the keys enclose no whole output frame")
    if speed is not None:
        base = time_map.source_time(0)
        near, far = (first, last) if speed > 0 else (last, first)
        start, end = math.ceil((near - base) / speed), math.floor((far - base) / speed)
        return _non_empty(start, end, f"no output frame lies within source frames {first}-{last}")
    if isinstance(inner, SpeedCurve):
        return _walk(time_map, inner, source_range)
    raise TimingError(
        f"a time map that is {time_map.describe()} has no end", "give the output range, such as --range 1-48"
    )


def _non_empty(start: int, end: int, problem: str) -> FrameRange:
    if end < start:
        raise TimingError(
            problem, "check the anchors of the time map: its first output and first source frame"
        )
    return check_range((start, end), "output range")


def _walk(time_map: TimeMap, inner: SpeedCurve, source_range: FrameRange) -> FrameRange:
    first, last = source_range
    start = math.ceil(inner.first_output)
    final_key = inner.curve.keys[-1]

    def inside(output: int) -> bool:
        return first <= time_map.source_time(output) <= last

    if not inside(start):
        at = format_number(time_map.source_time(start))
        raise TimingError(
            f"the speed curve starts at source time {at}, outside of frames {first}-{last}",
            "start it at a frame of the source",
        )
    stops = final_key.value == 0
    limit = start + MAX_OUTPUTS
    if stops:
        limit = min(limit, max(start, math.floor(final_key.time)))
    values = [key.value for key in inner.curve.keys]
    if min(values) >= 0 or max(values) <= 0:  # never turns round, so the way out can be bisected
        low, high = start, limit
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if inside(middle) else (low, middle - 1)
        end = low
    else:
        end = start
        while end < limit and inside(end + 1):
            end += 1
    return check_range((start, end), "output range")

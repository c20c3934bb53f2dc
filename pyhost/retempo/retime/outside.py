"""What shows before the first and after the last source frame?"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from retempo.errors import TimingError
from retempo.retime.rational import format_number

Outside = Literal["hold", "loop", "bounce", "black", "error"]


def fold_time(
    time: Fraction, source_range: tuple[int, int], outside: Outside, output: int
) -> tuple[Fraction | None, str]:
    """Bring a source time into [first, last].

    - hold: the nearer end.
    - loop: period last - first + 1; times between last and last + 1 show last.
    - bounce: back and forth with period 2 (last - first); the end frames are not doubled.
    - black: None.

    Returns:
        The folded time (None for black), and a note in a few words; both as they came inside the range.

    Raises:
        TimingError: ``outside`` is 'error' and the time lies outside; names the output frame.
    """
    first, last = source_range
    if first <= time <= last:
        return time, ""
    where = "before the first frame" if time < first else "after the last frame"
    if outside == "black":
        return None, where
    if outside == "error":
        raise TimingError(
            f"output {output} asks for source time {format_number(time)}, outside of frames {first}-{last}",
            "shorten the output range, or pass --outside hold, loop, bounce or black",
        )
    if outside == "loop":
        folded = first + (time - first) % (last - first + 1)
        return (Fraction(last), "loop seam: last frame held") if folded > last else (folded, "loop")
    if outside == "bounce" and last > first:
        turn = (time - first) % (2 * (last - first))
        return first + min(turn, 2 * (last - first) - turn), "bounce"
    return Fraction(first if time < first else last), f"held: {where}"

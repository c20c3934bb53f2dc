"""What is one output frame, or one instant of it, made from?"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Kind = Literal["copy", "between", "fade", "black", "blur"]


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """How one output frame is made.

    Attributes:
        output: its frame number.
        source_time: the source time that is shown, after hold, loop or bounce have been applied.
        kind: 'copy' (``first``, bit for bit), 'between' (``first`` and ``second`` at ``phase``), 'fade' (the two
            mixed, without motion), 'black', or 'blur' (the mean of ``instants``).
        first: the earlier source frame, of a blur the earliest; None when black.
        second: the later source frame, ``first < second``; of a blur the latest; None for a copy and black.
        phase: position between the two, 0 < phase < 1; 0 for a copy, black and a blur.
        note: why it is not what the time map says, in a few words; '' when it is.
        instants: of a blur, in the order of output time; none of them is a blur.
    """

    output: int
    source_time: Fraction
    kind: Kind
    first: int | None
    second: int | None
    phase: Fraction
    note: str = ""
    instants: tuple[PlanEntry, ...] = ()

    @property
    def moments(self) -> tuple[PlanEntry, ...]:
        """The instants of a blur; of any other entry itself."""
        return self.instants or (self,)

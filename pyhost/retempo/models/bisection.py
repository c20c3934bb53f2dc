"""How does an engine that only makes the frame halfway reach other instants?

By bisection, as FILM does: the half, then the half of a half. Only dyadic instants are reached exactly; any other
becomes the nearest one of ``depth`` halvings. Halves are kept, so several instants of one gap share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from retempo.errors import UsageError

DEPTH: Final = 5
"""Halvings at most, unless said otherwise: no instant is off by more than 1/64 of the gap."""

DEEPEST: Final = 10


@dataclass(frozen=True)
class Halving:
    """One run of the engine: the frame halfway between two instants of a gap, 0 <= left < right <= 1."""

    left: Fraction
    right: Fraction

    @property
    def middle(self) -> Fraction:
        """The instant that it makes."""
        return (self.left + self.right) / 2


def nearest_instant(time: Fraction, depth: int = DEPTH) -> Fraction:
    """The instant of ``depth`` halvings that is nearest to ``time``; the earlier of two.

    Args:
        time: in [0, 1]. depth: 1 to DEEPEST.

    Raises:
        UsageError: depth out of range.
    """
    if not 1 <= depth <= DEEPEST:
        raise UsageError(f"depth={depth} halvings", f"choose 1 to {DEEPEST}")
    steps = time * 2**depth
    whole = steps.numerator // steps.denominator
    return Fraction(whole + (steps - whole > Fraction(1, 2)), 2**depth)


def schedule(time: Fraction, depth: int = DEPTH) -> tuple[Halving, ...]:
    """The runs that lead to ``nearest_instant(time, depth)``, first to last; none for 0 and 1.

    Raises:
        UsageError: depth out of range.
    """
    wanted = nearest_instant(time, depth)
    left, right = Fraction(0), Fraction(1)
    runs: list[Halving] = []
    while wanted not in (left, right):
        run = Halving(left, right)
        runs.append(run)
        left, right = (run.middle, right) if wanted > run.middle else (left, run.middle)
        if wanted == run.middle:
            break
    return tuple(runs)


def describe(time: Fraction, depth: int = DEPTH) -> str:
    """The schedule of one instant in words: ``1/3 = 1/2 > 1/4 > 3/8, off by 0.0417``."""
    runs = schedule(time, depth)
    reached = runs[-1].middle if runs else nearest_instant(time, depth)
    way = " > ".join(str(run.middle) for run in runs) or str(reached)
    off = float(abs(reached - time))
    return f"{time} = {way}" + (f", off by {off:.4f}" if off else "")

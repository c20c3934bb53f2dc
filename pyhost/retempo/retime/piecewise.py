"""How does a curve run between its keys, and what is its exact integral?

Each stretch between two keys is one polynomial with ``Fraction`` coefficients in u = time - time of the
left key, so that values and integrals are exact. Smooth stretches are monotone cubic Hermite pieces:
slopes are the weighted harmonic mean of the neighbouring secants (Fritsch and Butland, 1984), which is a
rational number, and never overshoot the keys.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction

Polynomial = tuple[Fraction, ...]
"""Coefficients, lowest power first."""


def evaluate(polynomial: Polynomial, u: Fraction) -> Fraction:
    """Horner's rule, exactly."""
    total = Fraction(0)
    for coefficient in reversed(polynomial):
        total = total * u + coefficient
    return total


def integrate(polynomial: Polynomial) -> Polynomial:
    """The antiderivative that is 0 at u = 0."""
    return (Fraction(0), *(c / (power + 1) for power, c in enumerate(polynomial)))


def fit_polynomials(
    times: Sequence[Fraction], values: Sequence[Fraction], kinds: Sequence[str]
) -> list[Polynomial]:
    """One polynomial a stretch; ``kinds[i]`` ('hold' | 'linear' | 'smooth') rules from key i to key i + 1."""
    count = len(times) - 1
    steps = [times[i + 1] - times[i] for i in range(count)]
    secants = [(values[i + 1] - values[i]) / steps[i] for i in range(count)]
    pieces: list[Polynomial] = []
    for i in range(count):
        if kinds[i] == "hold":
            pieces.append((values[i],))
        elif kinds[i] == "linear":
            pieces.append((values[i], secants[i]))
        else:
            left = _slope(i, i, steps, secants, kinds)
            right = _slope(i + 1, i, steps, secants, kinds)
            h, d = steps[i], secants[i]
            pieces.append((values[i], left, (3 * d - 2 * left - right) / h, (left + right - 2 * d) / (h * h)))
    return pieces


def _slope(
    key: int, piece: int, steps: Sequence[Fraction], secants: Sequence[Fraction], kinds: Sequence[str]
) -> Fraction:
    """Slope of smooth stretch ``piece`` at its end ``key``: flat at the curve's ends and at turning points."""
    other = key - 1 if piece == key else key
    if other < 0 or other >= len(secants) or kinds[other] == "hold":
        return Fraction(0)
    own, neighbour = secants[piece], secants[other]
    if own * neighbour <= 0:
        return Fraction(0)
    if kinds[other] == "linear":  # continue the straight line, as far as monotony allows
        limit = 3 * own
        return neighbour if abs(neighbour) <= abs(limit) else limit
    before, after = (steps[other], steps[piece]) if other < piece else (steps[piece], steps[other])
    first, second = (neighbour, own) if other < piece else (own, neighbour)
    weight_first, weight_second = 2 * after + before, after + 2 * before
    return (weight_first + weight_second) / (weight_first / first + weight_second / second)


class Piecewise:
    """A function of time made of polynomials; constant before its first and after its last key."""

    def __init__(self, times: Sequence[Fraction], values: Sequence[Fraction], kinds: Sequence[str]) -> None:
        self.times = tuple(times)
        self.values = tuple(values)
        self._pieces = fit_polynomials(times, values, kinds)
        self._integrals = [integrate(piece) for piece in self._pieces]
        self._sums = [Fraction(0)]
        for i, piece in enumerate(self._integrals):
            self._sums.append(self._sums[-1] + evaluate(piece, times[i + 1] - times[i]))

    def value(self, time: Fraction) -> Fraction:
        """The exact value at any time."""
        if time <= self.times[0]:
            return self.values[0]
        if time >= self.times[-1]:
            return self.values[-1]
        i = bisect_right(self.times, time) - 1
        return evaluate(self._pieces[i], time - self.times[i])

    def integral(self, start: Fraction, end: Fraction) -> Fraction:
        """The exact integral from ``start`` to ``end`` (negative when ``end`` lies before)."""
        return self._primitive(end) - self._primitive(start)

    def _primitive(self, time: Fraction) -> Fraction:
        if time <= self.times[0]:
            return self.values[0] * (time - self.times[0])
        if time >= self.times[-1]:
            return self._sums[-1] + self.values[-1] * (time - self.times[-1])
        i = bisect_right(self.times, time) - 1
        return self._sums[i] + evaluate(self._integrals[i], time - self.times[i])

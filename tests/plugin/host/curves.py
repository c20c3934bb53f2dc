"""What value has a parameter at a time, what is its slope, and what is its integral?

A curve is a constant, a list of keys, or a function of time (what a host calls an expression). Between keys
it is ``linear``, ``hold`` or ``smooth`` (a cubic through the keys with central-difference slopes); beyond
them it is constant. Integrals are exact for all three: Simpson's rule integrates cubics exactly, and it is
applied between neighbouring keys. A function is integrated with Simpson's rule at 64 steps a frame.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable

Value = tuple[float, ...]


class Curve:
    """Values of a numeric parameter over time; every value is a tuple of ``size`` numbers."""

    def __init__(self, constant: Value, interpolation: str = "linear") -> None:
        self.constant = constant
        self.interpolation = interpolation
        self.keys: list[tuple[float, Value]] = []
        self.function: Callable[[float], Value] | None = None

    @property
    def animated(self) -> bool:
        return bool(self.keys) or self.function is not None

    def set_key(self, time: float, value: Value) -> None:
        self.keys = sorted([(t, v) for t, v in self.keys if t != time] + [(float(time), value)])

    def delete_key(self, time: float) -> bool:
        kept = [(t, v) for t, v in self.keys if t != time]
        found, self.keys = len(kept) != len(self.keys), kept
        return found

    def find_key(self, time: float, direction: int) -> int:
        """Index of the key at ``time`` (0), the next (> 0) or the one before (< 0); -1 where there is none."""
        times = [t for t, _ in self.keys]
        if direction == 0:
            near = [i for i, t in enumerate(times) if abs(t - time) < 1e-6]
            return near[0] if near else -1
        if direction > 0:
            index = bisect.bisect_right(times, time)
            return index if index < len(times) else -1
        return bisect.bisect_left(times, time) - 1

    def value(self, time: float) -> Value:
        if self.function is not None:
            return self.function(time)
        if not self.keys:
            return self.constant
        index = bisect.bisect_right([t for t, _ in self.keys], time) - 1
        if index < 0:
            return self.keys[0][1]
        if index == len(self.keys) - 1 or self.interpolation == "hold":
            return self.keys[index][1]
        (t0, v0), (t1, v1) = self.keys[index], self.keys[index + 1]
        u = (time - t0) / (t1 - t0)
        if self.interpolation == "linear":
            return tuple(a + (b - a) * u for a, b in zip(v0, v1, strict=True))
        s0, s1 = self._slope(index), self._slope(index + 1)
        h = t1 - t0
        return tuple(
            (2 * u**3 - 3 * u**2 + 1) * a + (u**3 - 2 * u**2 + u) * h * m
            + (3 * u**2 - 2 * u**3) * b + (u**3 - u**2) * h * n
            for a, b, m, n in zip(v0, v1, s0, s1, strict=True)
        )  # fmt: skip

    def _slope(self, index: int) -> Value:
        low, high = max(index - 1, 0), min(index + 1, len(self.keys) - 1)
        (t0, v0), (t1, v1) = self.keys[low], self.keys[high]
        return tuple((b - a) / (t1 - t0) for a, b in zip(v0, v1, strict=True))

    def derivative(self, time: float) -> Value:
        """Slope to the right of ``time``; 0 beyond the keys."""
        if not self.animated or (self.function is None and self.interpolation == "hold"):
            return tuple(0.0 for _ in self.constant)
        if self.function is None and not (self.keys[0][0] <= time < self.keys[-1][0]):
            return tuple(0.0 for _ in self.constant)
        step = 1e-5
        return tuple((b - a) / step for a, b in zip(self.value(time), self.value(time + step), strict=True))

    def integral(self, time1: float, time2: float) -> Value:
        """Integral over frames from ``time1`` to ``time2``, negative backwards."""
        if time2 < time1:
            return tuple(-v for v in self.integral(time2, time1))
        if self.function is not None:
            steps = max(1, math.ceil((time2 - time1) * 64))
            stops = [time1 + (time2 - time1) * i / steps for i in range(steps + 1)]
        else:
            stops = [time1, *(t for t, _ in self.keys if time1 < t < time2), time2]
        total = [0.0] * len(self.constant)
        for a, b in itertools.pairwise(stops):
            middle = self.value((a + b) / 2)
            if self.function is None and self.interpolation == "hold":
                pieces = middle
            else:
                ends = self.value(a), self.value(b)
                pieces = tuple((p + 4 * m + q) / 6 for p, m, q in zip(ends[0], middle, ends[1], strict=True))
            total = [t + piece * (b - a) for t, piece in zip(total, pieces, strict=True)]
        return tuple(total)

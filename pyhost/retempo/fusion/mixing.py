"""How do two pictures of one view become one? Their gradients are mixed, a picture is solved, its colour fitted."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retempo.errors import UsageError
from retempo.fusion.gradients import Array, divergence, gradient
from retempo.fusion.options import Fit
from retempo.fusion.poisson import solve, solve_tensor

Plane = NDArray[np.floating]


@dataclass
class Solver:
    """Where and how pictures are solved.

    Args:
        screen: weight of staying near the mixed pictures; 0: their colour is fitted instead.
        fit: which; see ``fit_colour``.
        device: ``cpu``, or a CUDA device of PyTorch.
        threads: of the CPU's transform, 0 for all.
        seconds: wall time spent in solving so far.
    """

    screen: float = 0.0
    fit: Fit = "offset"
    device: str = "cpu"
    threads: int = 0
    seconds: float = field(default=0.0)

    def solve(self, div: Array, target: Array) -> Array:
        """The picture, [H, W, C], with these gradients; see ``poisson``."""
        began = perf_counter()
        if self.device == "cpu":
            made = solve(div, screen=self.screen, target=target, threads=self.threads)
        else:
            made = self._solve_there(div, target)
        self.seconds += perf_counter() - began
        return made

    def _solve_there(self, div: Array, target: Array) -> Array:
        import torch

        there: Any = torch.from_numpy(div).to(self.device)
        wanted = torch.from_numpy(target).to(self.device) if self.screen > 0 else None
        made: Array = solve_tensor(there, screen=self.screen, target=wanted).cpu().numpy()
        return made


def mix(
    night: Array, day: Array, weight: Plane, chosen: Plane | None = None, solver: Solver | None = None
) -> Array:
    """The day picture with what is important of the night picture, without a seam.

    Args:
        night, day: [H, W, C] float32 or float64, in the space that is solved in.
        weight: [H, W] importance in [0, 1]; what the colour is fitted to is ``weight night + (1 - weight) day``.
        chosen: [H, W] share of the night's gradients in [0, 1], where it is another than ``weight``.
        solver: default: on the CPU, unscreened.

    Returns:
        [H, W, C] of the night's type. A weight of 0 everywhere gives the day picture, 1 the night picture.

    Raises:
        UsageError: sizes differ.
    """
    if night.shape != day.shape or weight.shape != night.shape[:2]:
        raise UsageError(
            f"night {night.shape}, day {day.shape} and importance {weight.shape} are not of one size",
            "a fixed camera gives all of them the same pixels",
        )
    solver = solver or Solver()
    kind = night.dtype
    share = (weight if chosen is None else chosen).astype(kind)[..., None]
    target = day + weight.astype(kind)[..., None] * (night - day)
    base, step = gradient(day), gradient(night)
    dx, dy = (there + share * (here - there) for here, there in zip(step, base, strict=True))
    made = solver.solve(divergence(dx, dy), target)
    return made if solver.screen > 0 else fit_colour(made, target, solver.fit)


def fit_colour(made: Array, target: Array, fit: Fit = "offset") -> Array:
    """``c1 made + c2`` for each channel, near to the target.

    ``affine`` is the paper's fit, c1 and c2 by least squares over all pixels: what the gradients have put where the
    target has nothing of it (lit windows in a day facade), and the light that leaks around it, then cost the whole
    picture its contrast. ``offset`` keeps the gradients as they were wanted, c1 = 1, and takes for c2 the median
    difference, over which such pixels have no power.

    Args:
        made, target: [H, W, C].
    """
    out = np.empty_like(made)
    for channel in range(made.shape[2]):
        one, wanted = made[..., channel].astype(np.float64), target[..., channel].astype(np.float64)
        gain, offset = regress(one, wanted) if fit == "affine" else (1.0, float(np.median(wanted - one)))
        out[..., channel] = one * gain + offset
    return out


def regress(one: Array, wanted: Array) -> tuple[float, float]:
    """Gain and offset that take one plane nearest to another; gain 1 where it does not vary, or varies against it."""
    mean, middle = float(one.mean()), float(wanted.mean())
    apart = one - mean
    variance, covariance = float(np.mean(np.square(apart))), float(np.mean(apart * (wanted - middle)))
    gain = covariance / variance if variance > 0 and covariance > 0 else 1.0
    return gain, middle - gain * mean

"""What does an engine cost: arithmetic, time, and how much more for eight times slow motion than for two?

Measured on made pictures, with weights by chance where there are no others: neither changes what is computed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from retempo.models.base import Interpolator
from retempo.models.bisection import schedule
from retempo.models.registry import load_engine

if TYPE_CHECKING:
    from torch import Tensor

SMALL: Final = (320, 192)
"""Width and height at which two and eight times are compared."""


@dataclass(frozen=True)
class Cost:
    """What one engine takes.

    Attributes:
        teraflops: 10^12 floating-point operations of convolutions and matrix products for the frame halfway, two for
            a multiplication with its addition.
        seconds: for the frame halfway, preparation included.
        eight_to_two: time of seven frames between two, over the time of one.
    """

    teraflops: float
    seconds: float
    eight_to_two: float


def measure_cost(name: str, width: int, height: int, *, device: str = "cpu") -> Cost:
    """Run an engine.

    Args:
        name: as --engine takes it.
        width, height: at which arithmetic is counted and time taken.
        device: a torch device.

    Raises:
        UsageError, WeightsError, InputError: see ``load_engine``.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    engine = load_engine(name, device=device, allow_untrained=True)
    with torch.inference_mode():
        make(engine, pictures(engine, *SMALL, device), 1)  # the first run allocates and compiles
        counter = FlopCounterMode(display=False)
        shown = pictures(engine, width, height, device)
        with counter:
            seconds = timed(engine, shown, 1, device)
        small = pictures(engine, *SMALL, device)
        two, eight = (timed(engine, small, count, device) for count in (1, 7))
    return Cost(counter.get_total_flops() / 1e12, seconds, eight / two)


def pictures(engine: Interpolator, width: int, height: int, device: str) -> list[Tensor]:
    """A window of waves that move four pixels a frame, [1, 3, H, W] each."""
    import torch

    y, x = torch.meshgrid(torch.arange(height) * 1.0, torch.arange(width) * 1.0, indexing="ij")
    made = []
    for number in range(engine.capabilities.frames):
        moved = x - 4 * number
        planes = [
            torch.sin(moved / (7 + one) + y / 11) + torch.cos(moved / 5 - y / (6 + one)) for one in range(3)
        ]
        made.append((torch.stack(planes)[None] * 0.22 + 0.5).to(device))
    return made


def make(engine: Interpolator, shown: Sequence[Any], count: int) -> None:
    """Make ``count`` frames (one less than a power of two) evenly between two, as a retime would."""
    here = len(shown) // 2 - 1
    if engine.capabilities.any_time:
        window = engine.prepare(shown)
        for index in range(1, count + 1):
            window.render(index / (count + 1))
        return
    known: dict[Fraction, Any] = {Fraction(0): shown[here], Fraction(1): shown[here + 1]}
    for index in range(1, count + 1):
        for run in schedule(Fraction(index, count + 1)):
            if run.middle not in known:
                known[run.middle] = engine.prepare([known[run.left], known[run.right]]).render(0.5).image


def timed(engine: Interpolator, shown: Sequence[Any], count: int, device: str) -> float:
    """Seconds that ``make`` takes."""
    wait = _synchronise if device.startswith("cuda") else _nothing
    wait()
    start = time.perf_counter()
    make(engine, shown, count)
    wait()
    return time.perf_counter() - start


def _synchronise() -> None:
    import torch

    torch.cuda.synchronize()


def _nothing() -> None:
    """The CPU is done when a call returns."""

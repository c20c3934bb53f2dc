"""How long does something take on a GPU? Events on the stream, warm-up, rotating inputs, the median."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch


def medians_ms(
    action: Callable[[Any], object], inputs: Sequence[Any], device: str, repeats: int = 30, warm_up: int = 5
) -> float:
    """Median milliseconds of ``action(one of inputs)``; the inputs take turns, so that no cache holds the next one."""
    turns = itertools.cycle(inputs)
    for _ in range(max(warm_up, len(inputs))):
        action(next(turns))
    if device == "cpu":
        taken = []
        for _ in range(repeats):
            start = time.perf_counter()
            action(next(turns))
            taken.append((time.perf_counter() - start) * 1e3)
        return statistics.median(taken)
    torch.cuda.synchronize()
    events = [
        (torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(repeats)
    ]
    for start_event, end_event in events:
        start_event.record()
        action(next(turns))
        end_event.record()
    torch.cuda.synchronize()
    return statistics.median(start_event.elapsed_time(end_event) for start_event, end_event in events)


def copy_gigabytes_a_second(device: str, bytes_each: int, repeats: int = 30) -> float:
    """Bandwidth of a device-to-device copy of random data, bytes read plus bytes written, in GB/s."""
    pairs = [
        (torch.rand(bytes_each // 4, device=device), torch.rand(bytes_each // 4, device=device))
        for _ in range(2)
    ]
    return 2e-6 * bytes_each / medians_ms(lambda pair: pair[0].copy_(pair[1]), pairs, device, repeats)


def smooth_flow(height: int, width: int, spread: float, generator: torch.Generator) -> torch.Tensor:
    """Random flow [2, H, W] within about +-spread pixels that varies over some hundred pixels, as real motion does."""
    coarse = torch.randn(1, 2, height // 200 + 4, width // 200 + 4, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=True)
    return fine[0] * spread / 2

"""How are frames made without any motion: mixed, put together from other layers, or black?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from retempo.io.frame import Frame, Layer


def mix(
    times: Sequence[int | Fraction], pixels: Sequence[Any], time: Fraction, chosen: int | None = None
) -> np.ndarray:
    """Frames blended as they are, ``[H, W, C]`` float32 each; a new array.

    Args:
        times: their source times, ascending.
        pixels: one array a frame.
        time: which moment; a time that is hit exactly gives that frame.
        chosen: give this one of them instead.
    """
    hit = list(times).index(time) if chosen is None and time in times else chosen
    if hit is not None:
        return np.array(pixels[hit])
    before = max(one for one in range(len(times) - 1) if times[one] <= time)
    phase = np.float32((time - times[before]) / (times[before + 1] - times[before]))
    mixed: np.ndarray = pixels[before] * (1 - phase) + pixels[before + 1] * phase
    return mixed


def assemble(template: Frame, made: Mapping[int, Layer]) -> Frame:
    """A frame like ``template`` with other layers."""
    return replace(template, layers=[made[index] for index in range(len(template.layers))])


def blacken(frame: Frame) -> Frame:
    """The same frame with every channel and every id 0."""
    layers = [
        replace(layer, pixels=np.zeros_like(layer.pixels), ids=np.zeros_like(layer.ids))
        for layer in frame.layers
    ]
    return replace(frame, layers=layers)

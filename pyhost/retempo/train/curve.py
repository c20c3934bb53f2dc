"""How did a training go? Loss and validation over its minutes, drawn into a small picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

_WIDTH, _HEIGHT, _MARGIN = 720, 360, 56
_LOSS: Final = (200, 120, 40)
_VALIDATION: Final = (40, 90, 220)


def draw_curve(log: Path, path: Path, first: float) -> None:
    """Draw a training's log.

    Args:
        log: ``log.jsonl``. path: of the PNG.
        first: validation before training, drawn as a level line.
    """
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    minutes = [line["minutes"] for line in lines]
    picture = np.full((_HEIGHT, _WIDTH, 3), 250, np.uint8)
    _draw(picture, minutes, [line["loss"] for line in lines], _LOSS, "loss", left=True)
    validations = [line["validation"] for line in lines]
    _draw(picture, minutes, validations, _VALIDATION, "dB", left=False, level=first)
    _write(picture, f"{minutes[-1]:.0f} min", (_WIDTH - _MARGIN - 40, _HEIGHT - 12), (90, 90, 90))
    cv2.imwrite(str(path), picture)


def _draw(
    picture: np.ndarray,
    minutes: Sequence[float],
    values: Sequence[float],
    colour: tuple[int, int, int],
    name: str,
    *,
    left: bool,
    level: float | None = None,
) -> None:
    shown = [*values, *([] if level is None else [level])]
    low, high = min(shown), max(shown)
    span, last = (high - low) or 1.0, max(minutes) or 1.0

    def place(minute: float, value: float) -> tuple[int, int]:
        x = _MARGIN + (_WIDTH - 2 * _MARGIN) * minute / last
        y = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (value - low) / span
        return round(x), round(y)

    points = np.array([place(*point) for point in zip(minutes, values, strict=True)], np.int32)
    cv2.polylines(picture, [points], False, colour, 2, cv2.LINE_AA)
    if level is not None:
        cv2.line(picture, place(0, level), place(last, level), (170, 170, 170), 1, cv2.LINE_AA)
    x = 6 if left else _WIDTH - _MARGIN + 4
    for value in (low, high):
        _write(picture, f"{value:.4g}", (x, place(0, value)[1] + 4), colour)
    _write(picture, name, (x, _MARGIN // 2), colour)


def _write(picture: np.ndarray, text: str, at: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)

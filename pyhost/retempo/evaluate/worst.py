"""Which frames came out worst, and where are they wrong? Paints truth, result and error side by side."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from retempo.errors import OutputError
from retempo.evaluate.clip import Rgb
from retempo.io.frame import Frame, make_layer
from retempo.io.temporary import prepare_folder
from retempo.io.writer import write_frame
from retempo.report.contact_sheet import make_sheet
from retempo.report.heat_map import paint_error

SHOWN = 0.2
"""The error that is red, of full scale, so that rows compare."""


@dataclass(order=True)
class Case:
    """A frame that was made; ordered so that the best comes first."""

    order: float
    label: str
    truth: Rgb = field(compare=False)
    made: Rgb = field(compare=False)


class WorstCases:
    """Keeps the ``count`` frames of least PSNR."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._cases: list[Case] = []

    def add(self, psnr: float, label: str, truth: Rgb, made: Rgb) -> None:
        """Offer a frame."""
        case = Case(-psnr, label, truth, made)
        if len(self._cases) < self._count:
            heapq.heappush(self._cases, case)
        elif self._cases and case > self._cases[0]:
            heapq.heapreplace(self._cases, case)

    def labels(self) -> list[tuple[str, float]]:
        """What was kept, the worst first: label and PSNR in dB."""
        return [(case.label, -case.order) for case in sorted(self._cases, reverse=True)]

    def sheet(self) -> np.ndarray:
        """[H, W, 3] uint8: a row a frame, the worst first: the truth, what was made, the error (Turbo)."""
        pictures: list[np.ndarray] = []
        labels: list[str] = []
        for case in sorted(self._cases, reverse=True):
            pictures += [case.truth, case.made, paint_error(case.truth, case.made, largest=SHOWN)]
            labels += [case.label, f"made, {-case.order:.2f} dB", "mean absolute error"]
        return make_sheet(pictures, labels, columns=3, title="worst frames: truth, made, error")


def check_sheet(path: Path, overwrite: bool) -> None:
    """See before any work that a sheet can be written.

    Raises:
        OutputError: it exists, or its folder cannot be written to.
    """
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists", "pass --overwrite to replace it")
    prepare_folder(path.parent)


def write_sheet(path: Path, cases: WorstCases) -> None:
    """Write the sheet as an image.

    Raises:
        OutputError: it cannot be written.
    """
    layer = make_layer(cases.sheet().astype(np.float32) / np.float32(255), ("R", "G", "B"), formats="uint8")
    write_frame(path, Frame([layer], layer.window, path, "png"))

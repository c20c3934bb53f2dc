"""What do the figures of a clip, and of all clips together, consist of?

A clip's figures are means over its frames (``psnr_pooled``: of the squared error of all of them together), the mean
is over clips. Where all clips have as many frames, as in every published set, that is the mean over frames, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retempo.evaluate.clip import Rgb
from retempo.metrics.quality import absolute_error, decibels, interpolation_error, ssim

Perceptual = Callable[[Rgb, Rgb], float]
MEASURES = ("psnr", "psnr_pooled", "ssim", "ie", "mae", "lpips")


@dataclass
class Score:
    """The frames of one clip, made by one method.

    Args:
        cap: dB that a frame counts as where it scores higher (a frame made exactly has no PSNR).
        perceptual: LPIPS of a truth and a made frame, where its weights are at hand.
    """

    cap: float
    perceptual: Perceptual | None = None
    errors: list[float] = field(default_factory=list)
    _each: dict[str, list[float]] = field(default_factory=dict)

    def add_error(self, truth: Rgb, made: Rgb) -> float:
        """Count one frame by its squared error only; returns its PSNR in dB."""
        difference = truth.astype(np.float32) - made
        self.errors.append(float(np.mean(np.square(difference), dtype=np.float64)))
        return decibels(self.errors[-1], self.cap)

    def add(self, truth: Rgb, made: Rgb) -> float:
        """Count one frame by all measures; returns its PSNR in dB."""
        found = {
            "ssim": ssim(truth, made),
            "ie": interpolation_error(truth, made),
            "mae": absolute_error(truth, made),
        }
        if self.perceptual is not None:
            found["lpips"] = self.perceptual(truth, made)
        for name, value in found.items():
            self._each.setdefault(name, []).append(value)
        return self.add_error(truth, made)

    def psnr(self) -> float:
        """Mean over frames of their own PSNR."""
        return float(np.mean([decibels(error, self.cap) for error in self.errors]))

    def psnr_pooled(self) -> float:
        """PSNR of the squared error of all frames together."""
        return decibels(float(np.mean(self.errors)), self.cap)

    def figures(self) -> dict[str, Any]:
        """All measures by name, None for those that were not taken."""
        found: dict[str, Any] = {
            "frames": len(self.errors),
            "psnr": self.psnr(),
            "psnr_pooled": self.psnr_pooled(),
        }
        for name in MEASURES[2:]:
            values = self._each.get(name)
            found[name] = float(np.mean(values)) if values else None
        return found


def mean_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, float | None]:
    """The mean over rows of each named figure, of those rows that have it; None where none has."""
    means: dict[str, float | None] = {}
    for name in names:
        values = [row[name] for row in rows if row.get(name) is not None]
        means[name] = float(np.mean(values)) if values else None
    return means

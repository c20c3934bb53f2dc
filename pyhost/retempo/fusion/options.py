"""What can be chosen in a fusion? Values are those of Ilie, Raskar & Yu (TR2004-020) where it gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Space = Literal["linear", "log"]
SPACES: Final = ("linear", "log")
Fit = Literal["offset", "affine"]
FITS: Final = ("offset", "affine")
Method = Literal["static", "dynamic", "video"]


@dataclass(frozen=True)
class FusionOptions:
    """Parameters of the three algorithms; differences and levels are in the log of ``space``, where white is 1.

    Args:
        method: what tells the foreground: the night frame alone, its difference from a reference, or from the frame
            before.
        space: in which gradients are mixed and the picture is solved.
        rule: the static weight: 1 where the night frame's gradient or level passes its threshold, or where its
            gradient is the longer.
        gradient_threshold: length of a night gradient that counts.
        level_threshold: level (mean of the channels) of a night pixel that counts.
        motion_threshold: difference from the reference or the frame before that counts.
        soften: side of the box that blurs what has changed, odd; 1: none.
        hysteresis: frames on each side over which importance is averaged.
        elsewhere: which gradients of a video's night frame stand beside what its importance takes: the longer ones
            everywhere (``larger``), where importance is exactly 0 (``unimportant``, the paper's rule: an importance
            of a tenth then takes a tenth of a lit window's edge, and light leaks out), or none (``day``).
        grow: pixels around a longer gradient that go with it; the paper has none.
        screen: weight of staying near the mixed pictures, in place of a fit of the colour; 0: the fit.
        fit: how that is found; see ``mixing.fit_colour``.
        denoise: how often SUSAN smoothing is applied; 0: not at all.
        sigma, t, radius, span: of that smoothing: distance, difference of values, spatial radius, frames on each side.
    """

    method: Method = "static"
    space: Space = "log"
    rule: Literal["threshold", "larger"] = "threshold"
    gradient_threshold: float = 5.0 / 255.0
    level_threshold: float = 128.0 / 255.0
    motion_threshold: float = 10.0 / 255.0
    soften: int = 5
    hysteresis: int = 5
    elsewhere: Literal["larger", "unimportant", "day"] = "larger"
    grow: int = 1
    screen: float = 0.0
    fit: Fit = "offset"
    denoise: int = 0
    sigma: float = 15.0
    t: float = 20.0 / 255.0
    radius: int = 1
    span: int = 2

    @property
    def reach(self) -> tuple[int, int]:
        """How many frames before and after one are looked at to make it, at most."""
        around = self.denoise * self.span
        if self.method != "video":
            return around, around
        return self.hysteresis + 1 + around, max(self.hysteresis, 1) + around

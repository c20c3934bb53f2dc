"""How does a CPU find dense motion in a tenth of a second? Dense inverse search (DIS), through OpenCV.

Source: Kroeger, Timofte, Dai, Van Gool, "Fast optical flow using dense inverse search", ECCV 2016. OpenCV's
implementation works on 8-bit grey pictures; this file makes them from flow-space RGB, chooses the settings
and rescales the result.

Threads: OpenCV has one pool for the whole process, which this file leaves alone: that setting belongs to the
program (``render.job`` sets it once, ``threads.py``); the two directions run side by side in two
Python threads of their own. DIS gives the same bits whatever either number is, which tests/flow checks.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from retempo.conventions import RGB_LUMA
from retempo.errors import UsageError
from retempo.flow.base import Flow, Image, Plane, check_pair
from retempo.flow.scale import shrink, stretch_flow, working_shape


@dataclass(frozen=True)
class DisSettings:
    """One setting of the search.

    Attributes:
        finest_scale: pyramid level at which the search stops; 0 is full resolution, each step halves it. None: 1, but
            0 for pictures whose longer side is under ``SMALL`` pixels, where half resolution loses too much.
        patch_size: side of the square patches that are matched, pixels of their level, >= 4.
        patch_stride: distance between patches, 1..patch_size; smaller is denser and slower.
        iterations: gradient-descent steps per patch, >= 1.
        refinement: fixed-point iterations of the variational refinement per level, >= 0.
        smoothness: weight of the smoothness term of the refinement (alpha).
    """

    finest_scale: int | None = 1
    patch_size: int = 8
    patch_stride: int = 3
    iterations: int = 25
    refinement: int = 5
    smoothness: float = 20.0


SMALL: Final = 640
"""Pixels; see ``DisSettings.finest_scale``."""

PRESETS: Final[dict[str, DisSettings]] = {
    "ultrafast": DisSettings(finest_scale=2, patch_stride=4, iterations=12, refinement=0),
    "fast": DisSettings(finest_scale=2, patch_stride=4, iterations=16),
    "medium": DisSettings(),
    "balanced": DisSettings(finest_scale=None, patch_stride=4, iterations=12, refinement=0),
    "fine": DisSettings(finest_scale=0),
    "coarse": DisSettings(finest_scale=1, patch_size=16, patch_stride=4),
}
"""``ultrafast``, ``fast`` and ``medium`` are OpenCV's. ``balanced``, the default, is medium with wider strides, fewer
descent steps and no variational refinement: a quarter of the time; with inverses as further hypotheses its in-betweens
are as good, though its flow is a tenth less exact. ``fine`` is medium down to full resolution: five times the time,
0.2 dB better in-betweens. ``coarse`` looks at larger patches: a useful *second* hypothesis (``dis+dis:coarse``): it
fails in other places."""


class DisFlow:
    """Dense inverse search, both directions.

    Args:
        preset: a key of ``PRESETS``.
        working_scale: the pair is shrunk by this factor (0, 1] before the search, and the flow grown back.
        working_size: instead of a scale: the longer side, in pixels, at which to search; pictures that are
            smaller stay as they are.
        finest_scale, patch_size, patch_stride, iterations, refinement, smoothness: override the preset.
        threads: 1 runs the two directions one after the other; anything else side by side. No effect on bits.

    Raises:
        UsageError: unknown preset, or a setting out of its range.
    """

    def __init__(
        self,
        preset: str = "balanced",
        *,
        working_scale: float = 1.0,
        working_size: int | None = None,
        finest_scale: int | None = None,
        patch_size: int | None = None,
        patch_stride: int | None = None,
        iterations: int | None = None,
        refinement: int | None = None,
        smoothness: float | None = None,
        threads: int = 0,
    ) -> None:
        if preset not in PRESETS:
            raise UsageError(f"dis has no preset {preset!r}", f"choose from {', '.join(PRESETS)}")
        given = {
            "finest_scale": finest_scale,
            "patch_size": patch_size,
            "patch_stride": patch_stride,
            "iterations": iterations,
            "refinement": refinement,
            "smoothness": smoothness,
        }
        overrides = {key: value for key, value in given.items() if value is not None}
        self.settings = replace(PRESETS[preset], **overrides)  # type: ignore[arg-type]
        self.working_scale = working_scale
        self.working_size = working_size
        self.threads = threads
        _check(self.settings)
        working_shape(2, 2, working_scale, working_size)  # says what is wrong with the two before any work
        parts = [f"{key}={value}" for key, value in overrides.items()]
        if working_size is not None:
            parts.append(f"size={working_size}")
        elif working_scale != 1.0:
            parts.append(f"scale={working_scale:g}")
        self.name = ",".join([f"dis:{preset}", *parts])

    def estimate(self, image0: Image, image1: Image) -> tuple[Flow, Flow]:
        """See ``FlowEstimator.estimate``. Any size from 1x1 on; the search needs texture, not a minimum."""
        image0, image1 = check_pair(image0, image1)
        return self.estimate_encoded(self.encode(image0), self.encode(image1))

    def encode(self, image: Image) -> Plane:
        """What the search reads of a picture: luma [H, W] float32, 0..255. Pixel by pixel, so a picture that does not
        fit in memory can be encoded strip by strip.
        """
        weights = np.array([RGB_LUMA], dtype=np.float32) * 255.0
        return cv2.transform(image, weights).reshape(image.shape[:2])

    def estimate_encoded(self, luma0: Plane, luma1: Plane) -> tuple[Flow, Flow]:
        """``estimate`` of two pictures that went through ``encode``; the same bits."""
        height, width = luma0.shape
        small = working_shape(height, width, self.working_scale, self.working_size)
        grey0 = self._pad(round_grey(shrink(luma0, small)))
        grey1 = self._pad(round_grey(shrink(luma1, small)))
        pairs = ((grey0, grey1), (grey1, grey0))
        if self.threads == 1:
            flows = [self._search(*pair) for pair in pairs]
        else:
            with ThreadPoolExecutor(2) as pool:
                flows = list(pool.map(lambda pair: self._search(*pair), pairs))
        first, second = (stretch_flow(flow[: small[0], : small[1]], height, width) for flow in flows)
        return first, second

    def _search(self, grey0: NDArray[np.uint8], grey1: NDArray[np.uint8]) -> Flow:
        chosen = self.settings
        search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # its buffers are not shareable
        search.setFinestScale(finest_for(chosen, grey0.shape))
        search.setPatchSize(chosen.patch_size)
        search.setPatchStride(chosen.patch_stride)
        search.setGradientDescentIterations(chosen.iterations)
        search.setVariationalRefinementIterations(chosen.refinement)
        search.setVariationalRefinementAlpha(chosen.smoothness)
        flow = search.calc(grey0, grey1, None)
        return np.nan_to_num(flow, copy=False, nan=0.0, posinf=0.0, neginf=0.0)

    def _pad(self, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Repeat the right and bottom edges until two patches fit at the finest level, as OpenCV demands."""
        least = 2 * self.settings.patch_size * 2 ** finest_for(self.settings, grey.shape)
        down, right = (max(0, least - side) for side in grey.shape)
        return np.pad(grey, ((0, down), (0, right)), mode="edge") if down or right else grey


def finest_for(settings: DisSettings, shape: tuple[int, ...]) -> int:
    """The pyramid level at which the search of a picture of this shape stops."""
    if settings.finest_scale is not None:
        return settings.finest_scale
    return 0 if max(shape) < SMALL else 1


def round_grey(luma: Plane) -> NDArray[np.uint8]:
    """Turn luma [H, W] 0..255 into the 8-bit grey that DIS reads: clipped, rounded."""
    return cv2.convertScaleAbs(np.maximum(luma, 0.0))


def _check(settings: DisSettings) -> None:
    limits = (
        ("finest_scale", settings.finest_scale or 0, 0, 8),
        ("patch_size", settings.patch_size, 4, 64),
        ("patch_stride", settings.patch_stride, 1, settings.patch_size),
        ("iterations", settings.iterations, 1, 1024),
        ("refinement", settings.refinement, 0, 1024),
        ("smoothness", settings.smoothness, 0.0, 1e6),
    )
    for key, value, low, high in limits:
        if not low <= value <= high:
            raise UsageError(f"dis: {key} is {value}", f"it must lie in {low}..{high}")

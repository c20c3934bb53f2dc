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
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from retempo.conventions import RGB_LUMA
from retempo.errors import UsageError
from retempo.flow.base import Flow, Image, Known, Plane, check_pair
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
        looks: searches of smaller pictures before (``LOOK``): the last at a quarter of the size, the one before it at
            an eighth and so on; each begins with the motion that the one before has found. 0: the search begins
            with none.
    """

    finest_scale: int | None = 1
    patch_size: int = 8
    patch_stride: int = 3
    iterations: int = 25
    refinement: int = 5
    smoothness: float = 20.0
    looks: int = 0


LOOK: Final = DisSettings(finest_scale=0)
"""Of the looks at small pictures."""

_LEAST: Final = 16
"""Pixels of the shorter side below which there is no look."""

SMALL: Final = 640
"""Pixels; see ``DisSettings.finest_scale``."""

PRESETS: Final[dict[str, DisSettings]] = {
    "ultrafast": DisSettings(finest_scale=2, patch_stride=4, iterations=12, refinement=0),
    "fast": DisSettings(finest_scale=2, patch_stride=4, iterations=16),
    "medium": DisSettings(),
    "balanced": DisSettings(finest_scale=None, patch_stride=4, iterations=12, refinement=0, looks=2),
    "fine": DisSettings(finest_scale=0),
    "coarse": DisSettings(finest_scale=1, patch_size=16, patch_stride=4),
}
"""``ultrafast``, ``fast`` and ``medium`` are OpenCV's. ``balanced``, the default, is medium with wider strides, fewer
descent steps and no variational refinement; with inverses as further hypotheses its in-betweens are as good, though its
flow is a tenth less exact. Its two looks take as long as the search again, and gain 0.1 dB. ``fine`` is medium down to
full resolution: 0.2 dB better in-betweens for many times the time. ``coarse`` looks at larger patches: a useful
*second* hypothesis (``dis+dis:coarse``): it fails in other places."""


class DisFlow:
    """Dense inverse search, both directions.

    Args:
        preset: a key of ``PRESETS``.
        working_scale: the pair is shrunk by this factor (0, 1] before the search, and the flow grown back.
        working_size: instead of a scale: the longer side, in pixels, at which to search; pictures that are
            smaller stay as they are.
        finest_scale, patch_size, patch_stride, iterations, refinement, smoothness, looks: override the preset.
        continued: begin with the motion of the gaps before and after, continued, where that is known
            (``estimate_onward``) instead of looks. A second hypothesis for motion that is fast and steady.
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
        looks: int | None = None,
        continued: bool = False,
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
            "looks": looks,
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
        self._plain: DisFlow | None = None
        if continued:
            self._plain = copy(self)
            self.name += ",continued=1"

    @property
    def plain(self) -> DisFlow:
        """The same, not ``continued``."""
        return self._plain or self

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
        return self.estimate_onward(luma0, luma1, (None, None))

    def estimate_onward(self, luma0: Plane, luma1: Plane, known: Known) -> tuple[Flow, Flow]:
        """``estimate_encoded`` from motion that is expected, each way where it is; a way without begins as ever.

        Args:
            luma0, luma1: [H, W] through ``encode``.
            known: (flow01, flow10), each [H, W, 2] pixels or None; not changed.
        """
        height, width = luma0.shape
        small = working_shape(height, width, self.working_scale, self.working_size)
        planes = shrink(luma0, small), shrink(luma1, small)
        steps = [
            (settings, [round_grey(shrink(plane, shape)) for plane in planes])
            for settings, shape in _plan(self.settings, small)
        ]

        def find(here: int) -> Flow:
            expected = known[here]
            found = None if expected is None else expected.copy()  # OpenCV writes over it
            for settings, greys in steps if expected is None else steps[-1:]:
                begin = None if found is None else stretch_flow(found, *greys[0].shape)
                found = _search(settings, greys[here], greys[1 - here], begin)
            assert found is not None
            return stretch_flow(found, height, width)

        if self.threads == 1:
            return find(0), find(1)
        with ThreadPoolExecutor(2) as pool:
            ahead, back = pool.map(find, (0, 1))
        return ahead, back


def _plan(chosen: DisSettings, shape: tuple[int, int]) -> list[tuple[DisSettings, tuple[int, int]]]:
    """What is searched at which (height, width), one after the other; the picture itself comes last."""
    smaller = [working_shape(*shape, 0.5 ** (look + 2)) for look in reversed(range(chosen.looks))]
    return [*((LOOK, one) for one in smaller if min(one) >= _LEAST), (chosen, shape)]


def _search(
    chosen: DisSettings, grey0: NDArray[np.uint8], grey1: NDArray[np.uint8], known: Flow | None
) -> Flow:
    """One direction at one size, [H, W, 2]; from the motion that is ``known`` already, if any."""
    height, width = grey0.shape
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # its buffers are not shareable
    search.setFinestScale(finest_for(chosen, grey0.shape))
    search.setPatchSize(chosen.patch_size)
    search.setPatchStride(chosen.patch_stride)
    search.setGradientDescentIterations(chosen.iterations)
    search.setVariationalRefinementIterations(chosen.refinement)
    search.setVariationalRefinementAlpha(chosen.smoothness)
    flow = search.calc(
        _pad(chosen, grey0), _pad(chosen, grey1), None if known is None else _pad(chosen, known)
    )
    return np.nan_to_num(flow[:height, :width], copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _pad(chosen: DisSettings, plane: NDArray[Any]) -> NDArray[Any]:
    """Repeat the right and bottom edges until two patches fit at the finest level, as OpenCV demands."""
    least = 2 * chosen.patch_size * 2 ** finest_for(chosen, plane.shape[:2])
    down, right = (max(0, least - side) for side in plane.shape[:2])
    if not (down or right):
        return plane
    return np.pad(plane, ((0, down), (0, right), (0, 0))[: plane.ndim], mode="edge")


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
        ("looks", settings.looks, 0, 8),
    )
    for key, value, low, high in limits:
        if not low <= value <= high:
            raise UsageError(f"dis: {key} is {value}", f"it must lie in {low}..{high}")

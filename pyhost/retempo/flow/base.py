"""What must an optical-flow estimator offer, and which images may it be given?"""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeGuard, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from retempo.errors import InputError

Image = NDArray[np.float32]
"""[H, W, 3] float32, flow space, [0, 1]."""

Flow = NDArray[np.float32]
"""[H, W, 2] float32, (dx, dy) in pixels, x to the right and y down, source -> target."""


Plane = NDArray[np.float32]
"""[H, W] float32, one picture as an estimator reads it."""


@runtime_checkable
class FlowEstimator(Protocol):
    """Anything that turns two pictures into the two flows between them.

    Attributes:
        name: how the estimator was asked for (``dis:balanced``); goes into settings hashes and messages, so it
            must name everything that changes the result.
    """

    name: str

    def estimate(self, image0: Image, image1: Image) -> tuple[Flow, Flow]:
        """Estimate the motion between two pictures, both ways.

        Args:
            image0: [H, W, 3] float32 in [0, 1], flow space.
            image1: the same shape.

        Returns:
            ``(flow01, flow10)``, each [H, W, 2] float32, finite.

        Raises:
            InputError: sizes differ, a side is zero, or a pixel is not finite.
        """
        ...


class Hypothesis(NamedTuple):
    """One opinion about the motion between two pictures, both ways; trust in [0, 1] a pixel, None trusts all."""

    flow01: Flow
    flow10: Flow
    trust01: NDArray[np.float32] | None = None
    trust10: NDArray[np.float32] | None = None


@runtime_checkable
class HypothesesEstimator(FlowEstimator, Protocol):
    """An estimator that has several opinions, or knows how far to trust its own.

    Attributes:
        hypotheses: how many it returns, >= 1.
    """

    hypotheses: int

    def hypothesize(self, image0: Image, image1: Image) -> tuple[Hypothesis, ...]:
        """As ``estimate``, all opinions, the best first."""
        ...


def count_hypotheses(estimator: object) -> int:
    """How many opinions of a pair an estimator has; 1 where it says nothing of several."""
    return int(getattr(estimator, "hypotheses", 1))


def hypothesize(estimator: FlowEstimator, image0: Image, image1: Image) -> tuple[Hypothesis, ...]:
    """Return all that an estimator says of a pair."""
    if isinstance(estimator, HypothesesEstimator):
        return estimator.hypothesize(image0, image1)
    return (Hypothesis(*estimator.estimate(image0, image1)),)


@runtime_checkable
class EncodedFlowEstimator(FlowEstimator, Protocol):
    """An estimator that reads one plane of a picture, made pixel by pixel: frames may come in strips."""

    def encode(self, image: Image) -> Plane:
        """Return what the estimator reads of (a strip of) a picture."""
        ...

    def estimate_encoded(self, plane0: Plane, plane1: Plane) -> tuple[Flow, Flow]:
        """``estimate`` of two encoded pictures, with the same bits."""
        ...


Known = tuple[Flow | None, Flow | None]
"""Motion of a pair that is expected before anyone looks, (flow01, flow10); None where nothing is."""


@runtime_checkable
class OnwardFlowEstimator(EncodedFlowEstimator, Protocol):
    """An estimator that can begin with the motion that is expected.

    Attributes:
        plain: the same one beginning with nothing, which is asked where nothing is known, and about the motion to
            expect from; itself where it never begins with anything.
    """

    @property
    def plain(self) -> EncodedFlowEstimator: ...

    def estimate_onward(self, plane0: Plane, plane1: Plane, known: Known) -> tuple[Flow, Flow]:
        """``estimate_encoded``, each way from what is known of it."""
        ...


def wants_onward(estimator: object) -> TypeGuard[OnwardFlowEstimator]:
    """Does an estimator begin with the motion that is expected?"""
    return isinstance(estimator, OnwardFlowEstimator) and estimator.plain is not estimator


def check_pair(image0: object, image1: object) -> tuple[Image, Image]:
    """Return both images as C-contiguous float32 [H, W, 3], or say what is wrong with them.

    A single-channel picture ([H, W] or [H, W, 1]) is accepted and repeated; further channels after the third
    (alpha) are ignored.
    """
    first = check_image(image0, "image0")
    second = check_image(image1, "image1")
    if first.shape != second.shape:
        raise InputError(
            f"image0 is {_size(first)} and image1 is {_size(second)}",
            "both frames of a pair must have the same size; crop or resize one of them first",
        )
    return first, second


def check_image(image: object, name: str) -> Image:
    """Return one image as C-contiguous float32 [H, W, 3]; ``name`` appears in the errors."""
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] < 1:
        raise InputError(f"{name} has shape {array.shape}", "expected [height, width, 3] pixels")
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{name} holds {array.dtype}", "expected float pixels in [0, 1]")
    if array.shape[0] == 0 or array.shape[1] == 0:
        raise InputError(f"{name} is empty ({_size(array)})", "give it at least one pixel")
    array = np.repeat(array[..., :1], 3, axis=2) if array.shape[2] < 3 else array[..., :3]
    array = np.ascontiguousarray(array, dtype=np.float32)
    check_finite(array, name, "sanitise the pixels first (the flow space of retempo.color does)")
    return array


def check_flow(flow: object, name: str, height: int | None = None, width: int | None = None) -> Flow:
    """Return a flow as C-contiguous float32 [H, W, 2], or say what is wrong with it."""
    array = np.asarray(flow)
    if array.ndim != 3 or array.shape[2] != 2:
        raise InputError(f"{name} has shape {array.shape}", "expected [height, width, 2]: (dx, dy) in pixels")
    if height is not None and width is not None and array.shape[:2] != (height, width):
        raise InputError(
            f"{name} is {_size(array)}, the picture is {width}x{height}", "resize the flow first"
        )
    array = np.ascontiguousarray(array, dtype=np.float32)
    check_finite(array, name, "mark unknown motion in a validity mask and put a number here")
    return array


def check_finite(array: NDArray[np.float32], name: str, hint: str) -> None:
    """Raise InputError with the number of bad values and the place of the first one."""
    # A finite sum has finite terms: one pass and no mask in the common case. Large terms may overflow it.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(np.sum(array)):
            return
    bad = ~np.isfinite(array)
    count = int(np.count_nonzero(bad))
    if not count:
        return
    where = np.argwhere(bad)[0]
    raise InputError(
        f"{name} has {count} NaN or infinite values, the first at x={where[1]}, y={where[0]}", hint
    )


def _size(array: NDArray[np.generic]) -> str:
    return f"{array.shape[1]}x{array.shape[0]}"

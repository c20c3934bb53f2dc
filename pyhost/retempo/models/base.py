"""What must an engine offer that makes frames between frames, and what may be asked of it?

An engine works on torch tensors in flow space (``retempo.color.flow_space``): [N, 3, H, W] float32, RGB, [0, 1]. It is
given a *window* of frames once (``prepare``) and then renders any instant of the gap in the window's middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from retempo.errors import InputError, TimingError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do.

    Attributes:
        any_time: makes every instant of the gap itself; otherwise the one halfway, and others by bisection.
        frames: how many frames its window holds: 2, or 4 (one more on either side of the gap).
        multiple: it works on sides that are multiples of this, and pads and crops others itself.
        bounded: its pictures lie in [0, 1]: more light than flow space holds is lost.
        fields: it says where each made pixel comes from, so that other channels can follow it.
        index_map: takes a map of instants, one a pixel.
        halo: pixels beyond a tile that can change the tile; None: the whole picture can.
    """

    any_time: bool
    frames: int = 2
    multiple: int = 1
    bounded: bool = True
    fields: bool = False
    index_map: bool = False
    halo: int | None = None


class Fields(NamedTuple):
    """Where every pixel of a made picture comes from.

    Attributes:
        flow_t0, flow_t1: [N, 2, H, W] pixels, (dx, dy), made picture -> earlier and later frame.
        share0: [N, 1, H, W] in [0, 1], how much of it comes from the earlier frame.
    """

    flow_t0: Tensor
    flow_t1: Tensor
    share0: Tensor


class Made(NamedTuple):
    """A made picture.

    Attributes:
        image: [N, 3, H, W], flow space; in [0, 1] where the engine itself clamps, else near it.
        fields: where it comes from, of engines with that capability.
    """

    image: Tensor
    fields: Fields | None = None


@runtime_checkable
class PreparedWindow(Protocol):
    """A window of frames, ready to render any instant between the two in its middle.

    Attributes:
        nbytes: memory that it holds on to.
    """

    @property
    def nbytes(self) -> int: ...

    def render(self, time: float | Tensor) -> Made:
        """Make the picture at ``time``.

        Args:
            time: 0 is the earlier frame, 1 the later: a number, or [N, 1, 1, 1], or a map [N, 1, H, W] of engines
                with the capability ``index_map``. Engines without ``any_time`` render 0.5.

        Raises:
            TimingError: an instant outside [0, 1], or one that the engine cannot make.
        """
        ...


@runtime_checkable
class Interpolator(Protocol):
    """An engine with its weights.

    Attributes:
        name: as the user wrote it, with everything that changes pixels (``ifrnet:large,weights=0123abcd``).
        capabilities: what it can do.
    """

    name: str
    capabilities: Capabilities

    def prepare(self, images: Sequence[Tensor]) -> PreparedWindow:
        """Do what does not depend on the instant.

        Args:
            images: ``capabilities.frames`` tensors [N, 3, H, W] float32 in [0, 1], in order of time, on the network's
                device. Where a shot begins or ends the nearest frame stands for the missing one.

        Raises:
            InputError: the number, shapes or types do not fit.
        """
        ...


def check_window(images: Sequence[Tensor], count: int) -> None:
    """See that a window holds ``count`` pictures that fit each other.

    Raises:
        InputError: naming what does not fit.
    """
    if len(images) != count:
        raise InputError(
            f"{len(images)} frames were given", f"this engine takes {count}; repeat the frame at the end"
        )
    first = images[0]
    for index, image in enumerate(images):
        if image.ndim != 4 or image.shape[1] != 3 or 0 in image.shape:
            raise InputError(f"frame {index} has shape {tuple(image.shape)}", "expected [N, 3, H, W]")
        if image.shape != first.shape or image.dtype != first.dtype or image.device != first.device:
            raise InputError(
                f"frame {index} is {tuple(image.shape)} {image.dtype} on {image.device}, "
                f"frame 0 {tuple(first.shape)} {first.dtype} on {first.device}",
                "all frames of a window must be alike",
            )
        if not image.is_floating_point():
            raise InputError(f"frame {index} holds {image.dtype}", "expected float values in [0, 1]")


def as_time(time: float | Tensor, like: Tensor) -> Tensor:
    """An instant as a tensor [N, 1, 1, 1], or a map of them [N, 1, H, W].

    Args:
        time: in [0, 1]. like: [N, C, H, W], a picture of the window.

    Raises:
        TimingError: outside [0, 1], or not a number.
        InputError: a tensor of another shape.
    """
    import torch

    count, _, height, width = like.shape
    given = torch.as_tensor(time, dtype=like.dtype, device=like.device)
    if given.ndim == 0:
        given = given.view(1, 1, 1, 1)
    if given.ndim != 4 or given.shape[1] != 1 or tuple(given.shape[2:]) not in ((1, 1), (height, width)):
        raise InputError(
            f"instants of shape {tuple(given.shape)}", f"expected a number or [{count}, 1, {height}, {width}]"
        )
    if not bool(((given >= 0) & (given <= 1)).all()):
        raise TimingError("an instant lies outside the gap", "give values from 0 to 1")
    return given.expand(count, -1, -1, -1)


def only_halfway(time: float | Tensor, like: Tensor) -> None:
    """See that an engine without ``any_time`` is asked for the middle.

    Raises:
        TimingError: it is not.
    """
    if not bool((as_time(time, like) == 0.5).all()):
        raise TimingError(
            "this engine makes the frame halfway and no other", "reach other instants by bisection"
        )

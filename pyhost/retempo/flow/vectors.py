"""What do the motion vectors in somebody's EXR mean? One preset a renderer or tool, decoded to our flow.

Our flow is in pixels, x right, y down, from a frame to its neighbour (``retempo.conventions``). A preset says how
stored values become that: an offset (the value that means "no motion"), a unit (pixels, share of a largest
displacement, share of the screen), a sign for each direction, which way y points, whether the pixels are
premultiplied, and from which alpha on they may be believed.

``scale`` multiplies on top: renderers store motion over the *shutter*, so a shutter of half a frame needs 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from retempo.errors import InputError, UsageError
from retempo.flow.base import Flow

Direction = Literal["forward", "backward"]


@dataclass(frozen=True)
class VectorPreset:
    """How one program stores motion.

    Attributes:
        name: what a user types.
        forward: the two channel names of the motion to the *next* frame; empty when there are none.
        backward: likewise to the *previous* frame.
        unit: ``pixels``; ``maximum`` (1 = the largest displacement, which the user has to know); ``screen``
            (-1..1 across the display window, so 1 is half its width or height).
        zero: the stored value that means no motion; values are ``zero + half * motion`` with half = 0.5 where
            zero is 0.5 (the whole range 0..1 is used), else 1.
        forward_sign, backward_sign: -1 where the stored vector points the other way.
        y_up: True where positive y is up.
        unpremultiply: True where the vectors were multiplied by alpha.
        least_alpha: pixels with a smaller alpha are invalid; None believes all of them.
    """

    name: str
    forward: tuple[str, str] | tuple[()] = ()
    backward: tuple[str, str] | tuple[()] = ()
    unit: Literal["pixels", "maximum", "screen"] = "pixels"
    zero: float = 0.0
    forward_sign: float = 1.0
    backward_sign: float = 1.0
    y_up: bool = True
    unpremultiply: bool = False
    least_alpha: float | None = None

    def channels(self, direction: Direction) -> tuple[str, str] | tuple[()]:
        """Return the two channel names of a direction, or ()."""
        return self.forward if direction == "forward" else self.backward

    def sign(self, direction: Direction) -> float:
        """Return +1 or -1."""
        return self.forward_sign if direction == "forward" else self.backward_sign


PRESETS: Final[dict[str, VectorPreset]] = {
    preset.name: preset
    for preset in (
        VectorPreset("nuke", ("forward.u", "forward.v"), ("backward.u", "backward.v")),
        VectorPreset("revision", ("R", "G"), least_alpha=1.0),
        # XY = previous - centre is the flow to the previous frame; ZW = centre - next is minus the flow to the next.
        VectorPreset("cycles", ("Vector.Z", "Vector.W"), ("Vector.X", "Vector.Y"), forward_sign=-1.0),
        VectorPreset("arnold", ("motionvector.R", "motionvector.G")),
        VectorPreset("arnold-normalized", ("motionvector.R", "motionvector.G"), unit="maximum", zero=0.5),
        VectorPreset("moonray", ("motionvec.x", "motionvec.y"), unit="screen", unpremultiply=True),
        VectorPreset("vray", ("velocity.R", "velocity.G"), unit="maximum", zero=0.5),
        VectorPreset(
            "retempo",
            ("flow.forward.x", "flow.forward.y"),
            ("flow.backward.x", "flow.backward.y"),
            y_up=False,
        ),
    )
}
"""Channel names are the usual ones; a file may well use others, so callers let the user name them. ``retempo`` is
our own convention as it stands, for what ``retempo vectors`` writes."""


def find_preset(name: str) -> VectorPreset:
    """Return the preset of that name (case does not matter).

    Raises:
        UsageError: there is none.
    """
    preset = PRESETS.get(name.lower())
    if preset is None:
        raise UsageError(f"there is no vector preset {name!r}", f"choose from {', '.join(PRESETS)}")
    return preset


def decode_vectors(
    array: NDArray[np.float32],
    preset: VectorPreset,
    alpha: NDArray[np.float32] | None = None,
    width: int | None = None,
    height: int | None = None,
    *,
    direction: Direction = "forward",
    maximum: float | None = None,
    scale: float = 1.0,
    flip_y: bool | None = None,
) -> tuple[Flow, NDArray[np.bool_]]:
    """Turn stored vectors into our flow.

    Args:
        array: [H, W, 2] stored values of the asked-for direction.
        preset: how they were stored.
        alpha: [H, W]; needed where the preset unpremultiplies, used where it judges validity.
        width, height: size of the display window in pixels, for the unit ``screen``; default the array's own.
        direction: which of the preset's signs applies.
        maximum: largest displacement in pixels that the renderer was told, for the unit ``maximum``.
        scale: multiplies the result; 2 for vectors of a half-frame shutter.
        flip_y: overrides the preset's ``y_up``.

    Returns:
        ``(flow, valid)``: [H, W, 2] float32 pixels, 0 where invalid, and [H, W] bool. Invalid are non-finite
        vectors, pixels under ``least_alpha``, and, where it must be divided by alpha, alpha 0.

    Raises:
        InputError: the array is not [H, W, 2], or alpha has another size or is missing.
        UsageError: ``maximum`` is needed and missing, or a factor is not finite.
    """
    if array.ndim != 3 or array.shape[2] != 2:
        raise InputError(f"the {preset.name} vectors have shape {array.shape}", "expected [height, width, 2]")
    if alpha is not None and alpha.shape != array.shape[:2]:
        raise InputError(
            f"alpha is {alpha.shape}, the vectors are {array.shape[:2]}", "both must have one size"
        )
    factor = _factors(preset, direction, array.shape, width, height, maximum, scale, flip_y)
    values = array.astype(np.float32)  # a copy
    valid = np.isfinite(values).all(axis=2)
    if preset.unpremultiply:
        if alpha is None:
            raise InputError(
                f"{preset.name} vectors are premultiplied and there is no alpha", "name the alpha channel"
            )
        covered = np.isfinite(alpha) & (alpha > 0)
        values /= np.where(covered, alpha, 1.0)[..., None].astype(np.float32)
        valid &= covered
    if preset.least_alpha is not None and alpha is not None:
        valid &= alpha >= preset.least_alpha  # NaN compares false
    flow = (values - np.float32(preset.zero)) * factor
    valid &= np.isfinite(flow).all(axis=2)
    flow[~valid] = 0.0
    return flow, valid


def encode_vectors(
    flow: Flow,
    preset: VectorPreset,
    alpha: NDArray[np.float32] | None = None,
    width: int | None = None,
    height: int | None = None,
    *,
    direction: Direction = "forward",
    maximum: float | None = None,
    scale: float = 1.0,
    flip_y: bool | None = None,
) -> NDArray[np.float32]:
    """Turn our flow into values as the preset's program would store them; the inverse of ``decode_vectors``.

    Arguments and errors are those of ``decode_vectors``; ``alpha`` is multiplied in where the preset says so.
    """
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise InputError(f"the flow has shape {flow.shape}", "expected [height, width, 2]")
    factor = _factors(preset, direction, flow.shape, width, height, maximum, scale, flip_y)
    values = flow / factor + np.float32(preset.zero)
    if preset.unpremultiply:
        if alpha is None:
            raise InputError(
                f"{preset.name} vectors are premultiplied and there is no alpha", "give the alpha"
            )
        values = values * alpha[..., None]
    return values.astype(np.float32)


def _factors(
    preset: VectorPreset,
    direction: Direction,
    shape: tuple[int, ...],
    width: int | None,
    height: int | None,
    maximum: float | None,
    scale: float,
    flip_y: bool | None,
) -> NDArray[np.float32]:
    """Return the two numbers that (stored - zero) is multiplied by."""
    x = y = preset.sign(direction) * scale
    if preset.unit == "screen":
        x *= (width or shape[1]) / 2.0
        y *= (height or shape[0]) / 2.0
    elif preset.unit == "maximum":
        if maximum is None or not maximum > 0:
            hint = "give the value the renderer was told, in pixels"
            raise UsageError(f"{preset.name} vectors are normalised by a largest displacement", hint)
        x *= maximum
        y *= maximum
    if preset.zero:
        x /= preset.zero
        y /= preset.zero
    if preset.y_up if flip_y is None else flip_y:
        y = -y
    if not (np.isfinite(x) and np.isfinite(y) and x and y):
        raise UsageError(
            f"the scale {scale} of the vectors is not usable", "choose a finite number other than 0"
        )
    return np.array([x, y], dtype=np.float32)

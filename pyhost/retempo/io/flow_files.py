"""How is optical flow kept in EXR: which channels, and what do they mean?

``forward.u``, ``forward.v``: flow to the next frame in pixels, x right, y down as everywhere in this project;
``backward.u``, ``backward.v``: to the previous one; ``occlusion`` and ``confidence`` in 0..1. Stored as float
unless asked otherwise. (Compositing programs count y upwards: turn the sign of v on the way there.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retempo.errors import InputError
from retempo.io.frame import Frame, Window, make_layer

_NAMES = {
    "forward": ("forward.u", "forward.v"), "backward": ("backward.u", "backward.v"),
    "occlusion": ("occlusion",), "confidence": ("confidence",),
}  # fmt: skip


@dataclass
class FlowImage:
    """Flow of one frame; any part may be absent.

    Attributes:
        forward, backward: ``[H, W, 2]`` float32 pixels.
        occlusion, confidence: ``[H, W]`` float32 in 0..1.
    """

    forward: np.ndarray | None = None
    backward: np.ndarray | None = None
    occlusion: np.ndarray | None = None
    confidence: np.ndarray | None = None


def flow_frame(flow: FlowImage, display: Window | None = None, depth: str = "float") -> Frame:
    """Return a Frame to hand to a Target.

    Raises:
        InputError: nothing to write, or arrays of different sizes.
    """
    names: list[str] = []
    planes: list[np.ndarray] = []
    for key, channels in _NAMES.items():
        array = getattr(flow, key)
        if array is None:
            continue
        array = array if array.ndim == 3 else array[..., None]
        if array.shape[-1] != len(channels) or (planes and array.shape[:2] != planes[0].shape[:2]):
            raise InputError(f"{key}: shape {array.shape} does not fit {list(channels)} or the other planes")
        names += channels
        planes.append(np.asarray(array, np.float32))
    if not planes:
        raise InputError("there is no flow to write")
    layer = make_layer(np.concatenate(planes, axis=-1), names, display=display, formats=depth)
    layer.spec.attribute("compression", "zip")
    return Frame([layer], display or layer.window, Path("flow"), "openexr")


def write_flow(
    path: Path, flow: FlowImage, attributes: Mapping[str, Any] | None = None, depth: str = "float"
) -> None:
    """Write flow to an EXR file; it appears whole or not at all. Raises OutputError."""
    from retempo.io.writer import write_frame

    write_frame(path, flow_frame(flow, depth=depth), attributes)


def read_flow(path: Path) -> FlowImage:
    """Read flow from the channels named above, wherever they are in the file.

    Raises:
        InputError: none of them is there; lists what is.
    """
    from retempo.io.reader import read_frame

    frame = read_frame(path)
    found: dict[str, np.ndarray] = {}
    for layer in frame.layers:
        for key, channels in _NAMES.items():
            if key not in found and all(name in layer.channels for name in channels):
                chosen = layer.pixels[..., [layer.channels.index(name) for name in channels]]
                found[key] = np.ascontiguousarray(chosen if len(channels) > 1 else chosen[..., 0])
    if not found:
        there = [name for layer in frame.layers for name in layer.order]
        raise InputError(
            f"{path} holds no flow channels, only {', '.join(there)}", "expected forward.u, forward.v"
        )
    return FlowImage(**found)

"""Where is a pixel between two frames, when it does not move straight at an even pace?

With the motion on both sides of a frame known, a pixel's path through three frames is a parabola (quadratic motion;
Xu, Siyao, Sun, Yin, Yang, "Quadratic video interpolation", NeurIPS 2019, equation 4). Let its displacement be F at the
other frame of the gap, phase 1, and P at the frame past its own, phase u < 0 (-1 where frames are evenly spaced). Then

    d(s) = s F + s (s - 1) bend,    bend = trust * (P - u F) / (u (u - 1))

passes through 0, F and, where trust is 1, P. Trust falls with the forward-backward error of P: 1 / (1 + 0.3 error), so
that where the motion past the frame is not known, the path is straight, whatever F says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from retempo import ops
from retempo.errors import InputError
from retempo.flow.base import Flow, check_flow
from retempo.flow.consistency import lengths
from retempo.synthesis.trust import check_trust

DOUBT: Final = 0.3
"""Per pixel of forward-backward error. 0 to 1 are within 0.04 dB on the training clips (README)."""


@dataclass(frozen=True)
class Past:
    """How a frame's pixels move on the far side of it, seen from the gap.

    Attributes:
        flow: [H, W, 2] pixels, from the frame to the one past it.
        trust: [H, W] in [0, 1].
        phase: of the frame past it, where the frame is at 0 and the other of the gap at 1; < 0.
    """

    flow: Flow
    trust: NDArray[np.float32]
    phase: float = -1.0

    def rows(self, inside: slice) -> Past:
        """The same of some rows."""
        return replace(self, flow=self.flow[inside], trust=self.trust[inside])


def look_past(flow: Flow, back: Flow, phase: float = -1.0, valid: NDArray[Any] | None = None) -> Past:
    """The motion past a frame, with how far it can be trusted.

    Args:
        flow: [H, W, 2] from the frame to the one past it; ``back``: from there to the frame.
        phase: see ``Past``.
        valid: [H, W] trust of ``flow``.

    Raises:
        UsageError: a value is not finite.
    """
    height, width = flow.shape[:2]
    some = flow[
        ::2, ::2
    ]  # error varies slowly: every second pixel of every second row tells, at a quarter of the cost
    aim = some.copy()  # pixel x of these lies at 2 x
    aim[..., 0] += np.arange(some.shape[1], dtype=np.float32)
    aim[..., 1] += np.arange(some.shape[0], dtype=np.float32)[:, None]
    error = ops.warp_image(back, aim, filter="bilinear", border="edge")
    error += some
    trust = lengths(error)
    trust *= np.float32(DOUBT)
    trust += 1
    np.reciprocal(trust, out=trust)
    trust = cv2.resize(trust, (width, height), interpolation=cv2.INTER_LINEAR)
    return Past(flow, trust if valid is None else trust * np.asarray(valid, np.float32), phase)


def check_past(past: Past | None, name: str, height: int, width: int) -> Past | None:
    """The same with checked arrays.

    Raises:
        InputError: a size is wrong, a value is not finite, or the frame does not lie past its own.
    """
    if past is None:
        return None
    if not -1e6 < past.phase < 0:
        raise InputError(
            f"{name} leads to phase {past.phase:g}", "the frame past another lies before it, below 0"
        )
    trust = check_trust(past.trust, f"the trust of {name}", height, width)
    assert trust is not None
    return Past(check_flow(past.flow, name, height, width), trust, past.phase)


def bend_of(flow: Flow, past: Past) -> Flow:
    """How far the paths of pixels bow, [H, W, 2] pixels; see above."""
    u = np.float32(past.phase)
    bend = flow * -u
    bend += past.flow
    weight = past.trust / (u * (u - 1))
    bend *= cv2.merge(
        (weight, weight)
    )  # a plane that is stretched over two channels takes NumPy three times as long
    return bend


def path_to(flow: Any, bend: Any, scale: float) -> Any:
    """The flow that leads straight to where the path is at phase ``scale``: displacement over phase, d(s) / s."""
    return flow if bend is None else flow + (scale - 1.0) * bend

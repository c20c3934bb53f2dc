"""What should an optical-flow estimator see instead of scene-linear light?

Something bounded in [0, 1] where a step looks about equally large in the shadows and in a highlight of 10:

* **encoded**: pictures that are already encoded for a display (8-bit movies, PNG, HDR video) are used as
  they are, clipped to [0, 1]. Flow and metrics then follow the protocol of the papers.
* **log**: anything else goes to a log space and through a *shoulder*: log values from black (linear 0) to
  diffuse white (linear 1) fill [0, 0.75] in a straight line, those up to 65504 fill the rest ever more
  densely (a second log, continuous with its slope). With ACEScct linear 0.18, 1, 10, 100, 65504 become
  0.53, 0.75, 0.88, 0.93, 1.

The log space is the config's ``compositing_log`` role, else ``color_timing``, if it keeps highlights apart
(some are LUTs that clip at 13 or so); else OCIO's built-in ACEScct curve, which needs no config at all.

Alpha: flow sees premultiplied light, that is the picture over black, never divided by alpha: edges keep
their softness, and additive light without alpha is seen. Below linear 0 all is 0, above 65504 all is 1,
NaN is 0. The transform is non-decreasing on greys.

All maths is OCIO's (ColorSpace, LogCamera and Range transforms in one processor); this file only finds
the shoulder's two parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import PyOpenColorIO as ocio

from retempo.color.config import SCENE_LINEAR, ColorConfig
from retempo.color.nonfinite import LARGEST
from retempo.color.transform import Transform
from retempo.errors import ColorError

WHITE_LEVEL = 0.75
"""Where diffuse white (linear 1) lands in flow space; the rest is room for highlights."""

LOG_ROLES = ("compositing_log", "color_timing")
BUILTIN_CURVE = "CURVE - ACEScct-LOG_to_LINEAR"
ENCODED = "encoded"
AUTO = "auto"

_LADDER = (0.0, 0.001, 0.01, 0.18, 1.0, 10.0, 100.0, 1000.0, LARGEST)


@dataclass(frozen=True)
class Shoulder:
    """The curve from log values to [0, 1]: straight up to ``white``, logarithmic from there to ``peak``.

    ``black``, ``white``, ``peak``: what the log space makes of linear 0, 1 and 65504. ``slope`` of the
    straight part (output per log value); ``bend``: how fast the slope falls behind white, 0 for straight.
    """

    black: float
    white: float
    peak: float
    slope: float
    bend: float

    @staticmethod
    def fit(black: float, white: float, peak: float) -> Shoulder:
        """Solve for slope and bend so that white lands on WHITE_LEVEL and peak on 1."""
        run, room = white - black, peak - white
        if run <= 0.0:
            raise ColorError("a flow space needs white above black")
        if room <= 1e-3 * run:
            return Shoulder(black, white, peak, 1.0 / max(run, peak - black), 0.0)
        slope = WHITE_LEVEL / run
        left = 1.0 - WHITE_LEVEL
        if slope * room <= left:
            return Shoulder(black, white, peak, 1.0 / (peak - black), 0.0)
        low, high = 1e-9, 1e12
        for _ in range(200):
            bend = math.sqrt(low * high)
            reach = slope * math.log1p(bend * room) / bend
            low, high = (bend, high) if reach > left else (low, bend)
        return Shoulder(black, white, peak, slope, bend)

    def transforms(self) -> list[ocio.Transform]:
        """The curve as OCIO transforms, the last of which clamps to [0, 1]."""
        if self.bend == 0.0:
            curve: ocio.Transform = ocio.MatrixTransform.Fit(
                oldMin=[self.black] * 3 + [0.0],
                oldMax=[self.black + 1.0 / self.slope] * 3 + [1.0],
                newMin=[0.0] * 4,
                newMax=[1.0] * 4,
            )
        else:
            curve = ocio.LogCameraTransform(
                base=math.e,
                linSideBreak=[self.white] * 3,
                logSideSlope=[self.slope / self.bend] * 3,
                logSideOffset=[WHITE_LEVEL] * 3,
                linSideSlope=[self.bend] * 3,
                linSideOffset=[1.0 - self.bend * self.white] * 3,
            )
        clamp = ocio.RangeTransform(minInValue=0.0, maxInValue=1.0, minOutValue=0.0, maxOutValue=1.0)
        return [curve, clamp]


@dataclass(frozen=True)
class FlowEncoding:
    """The chosen encoding.

    ``transform`` goes from working pixels to [0, 1], ``direct`` from input pixels in one go, ``inverse`` from [0, 1] to
    working pixels; all are None for kind 'encoded', where the input's own values are used.
    """

    kind: Literal["encoded", "log"]
    space: str
    reason: str
    transform: Transform | None = None
    direct: Transform | None = None
    inverse: Transform | None = None
    shoulder: Shoulder | None = None


def choose_encoding(
    config: ColorConfig, *, flow_space: str, input_space: str, working_space: str, integer_files: bool
) -> FlowEncoding:
    """Decide what flow sees.

    Args:
        flow_space: 'auto', 'encoded', or a colour space or role of the config (its values are then fitted
            to [0, 1] by the same shoulder).
        input_space, working_space: canonical names.
        integer_files: the source holds integers (or is a movie): lets 'auto' use an encoded input as it is
            even if the config does not say how it is encoded.

    Raises:
        ColorError: unknown colour space, or one that is not non-decreasing on greys.
    """
    if flow_space == ENCODED:
        return FlowEncoding("encoded", input_space, "asked for: the input's own values")
    if flow_space != AUTO:
        space = config.space(flow_space, "flow space")
        return _through(config, input_space, working_space, space, "asked for", strict=False)
    if config.is_display_referred(input_space):
        return FlowEncoding("encoded", input_space, "the input is encoded for a display already")
    unsaid = not config.encoding(input_space) and not config.is_data(input_space)
    if integer_files and unsaid and not config.is_linear(input_space):
        return FlowEncoding("encoded", input_space, "the input holds encoded integers")
    refused: list[str] = []
    for role in LOG_ROLES:
        space_of_role = config.role(role)
        if space_of_role is None:
            refused.append(f"no role {role}")
            continue
        try:
            space = config.space(space_of_role, f"role '{role}'")
            return _through(config, input_space, working_space, space, f"role {role}", strict=True)
        except ColorError as error:
            refused.append(f"role {role}: {error.message}")
    return _builtin(config, input_space, working_space, "; ".join(refused))


def _through(
    config: ColorConfig, source: str, working: str, space: str, reason: str, *, strict: bool
) -> FlowEncoding:
    what = f"'{working}' to '{space}'"
    to_space = ocio.ColorSpaceTransform(src=working, dst=space)
    ladder = _probe(Transform(config.transform_processor(to_space, what), what))
    _check_ladder(ladder, space, strict=strict)
    shoulder = Shoulder.fit(ladder[_LADDER.index(0.0)], ladder[_LADDER.index(1.0)], ladder[-1])
    return _assemble(config, (source, working), [to_space], shoulder, space, reason)


def _builtin(config: ColorConfig, source: str, working: str, why: str) -> FlowEncoding:
    parts: list[ocio.Transform] = []
    linear = config.role(SCENE_LINEAR)
    if linear is not None and not config.is_linear(working):
        parts.append(ocio.ColorSpaceTransform(src=working, dst=linear))
    parts.append(ocio.BuiltinTransform(style=BUILTIN_CURVE, direction=ocio.TRANSFORM_DIR_INVERSE))
    curve = config.transform_processor(parts[-1], BUILTIN_CURVE)
    ladder = _probe(Transform(curve, BUILTIN_CURVE))
    shoulder = Shoulder.fit(ladder[0], ladder[_LADDER.index(1.0)], ladder[-1])
    return _assemble(config, (source, working), parts, shoulder, "ACEScct curve", f"built in ({why})")


def _assemble(
    config: ColorConfig,
    spaces: tuple[str, str],
    parts: list[ocio.Transform],
    shoulder: Shoulder,
    space: str,
    reason: str,
) -> FlowEncoding:
    to_working = ocio.ColorSpaceTransform(src=spaces[0], dst=spaces[1])
    what = f"flow space '{space}'"

    def build(transforms: list[ocio.Transform], back: bool = False) -> Transform:
        group = ocio.GroupTransform(transforms)
        if back:
            group.setDirection(ocio.TRANSFORM_DIR_INVERSE)
        return Transform(config.transform_processor(group, what), what, exact=back)

    curve = [*parts, *shoulder.transforms()]
    both = build(curve), build([to_working, *curve])
    return FlowEncoding("log", space, reason, *both, build(curve, back=True), shoulder)


def _probe(transform: Transform) -> list[float]:
    greys = np.repeat(np.array(_LADDER, np.float32)[None, :, None], 3, axis=2)
    return [float(value) for value in transform.apply(greys, threads=1).mean(axis=2)[0]]


def _check_ladder(values: list[float], space: str, *, strict: bool) -> None:
    steps = np.diff(values)
    if not np.isfinite(values).all() or np.any(steps < 0.0) or values[_LADDER.index(1.0)] <= values[0]:
        raise ColorError(f"'{space}' does not grow with light, so flow cannot use it")
    if not strict:
        return
    if np.any(steps <= 0.0):
        raise ColorError(f"'{space}' clips light between 0 and {LARGEST:g}")
    share_of_sdr = (values[_LADDER.index(1.0)] - values[0]) / (values[-1] - values[0])
    if share_of_sdr < 0.05:
        raise ColorError(
            f"'{space}' is not a log encoding: 0 to 1 takes only {share_of_sdr:.1%} of its range"
        )

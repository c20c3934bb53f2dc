r"""Which colour transforms does one shot need, and how are they applied?

::

    file --to_working--> scene-linear, premultiplied --to_output--> file
      \--to_flow--> [0, 1], for flow and metrics only    \--to_display--> preview

Pixels of a frame that is passed through untouched need none of this: with the output space equal to the
input space (the default) the renderer copies them. Every transform that turns out to do nothing returns
the very same array.
"""

from __future__ import annotations

import os
import threading

import numpy as np
import PyOpenColorIO as ocio

from retempo.color.additions import FLOW_SPACE, with_additions
from retempo.color.config import SCENE_LINEAR, ColorConfig, find_config
from retempo.color.display import build_display, choose_view, render_display
from retempo.color.file_rules import Kind, choose_space, kind_of
from retempo.color.flow_space import AUTO, choose_encoding
from retempo.color.nonfinite import LARGEST, FloatImage, all_finite
from retempo.color.transform import Transform, check_pixels


class ColorPipeline:
    """All colour decisions of one shot. Thread-safe; build it once and share it.

    Args:
        config: see :func:`retempo.color.config.find_config`.
        input_space: colour space, alias or role of the source; None: see ``file_rules``.
        working_space: where warping and blending happen; None: the ``scene_linear`` role. Pixels that are linear
            already and stay in their space are left in it: a matrix there and back commutes with blending
            and would only round.
        output_space: of the result; None: the input space.
        flow_space: 'auto', 'encoded', a colour space or role, or "Retempo Flow"; see ``flow_space``.
        path_for_rules: path or pattern of the source, for the config's file rules.
        kind: 'float', 'integer' or 'movie'; None derives it from the path's suffix.
        threads: for each transform; 0 chooses. Does not change the result.

    Raises:
        ColorError: a config, colour space or role that does not exist or does not work.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | ColorConfig | None = None,
        input_space: str | None = None,
        working_space: str | None = None,
        output_space: str | None = None,
        flow_space: str = AUTO,
        path_for_rules: str | os.PathLike[str] | None = None,
        *,
        kind: Kind | None = None,
        threads: int = 0,
    ) -> None:
        found = find_config(config)
        if flow_space.strip().lower() == FLOW_SPACE.lower():
            found = with_additions(found)
        self.config = found
        self.threads = threads
        path = os.fspath(path_for_rules) if path_for_rules is not None else None
        if input_space is not None:
            self.input_space, self.input_reason = found.space(input_space, "input colour space"), "asked for"
        else:
            self.input_space, self.input_reason = choose_space(found, path, kind)
        if working_space is not None:
            self.working_space = found.space(working_space, "working colour space")
        else:
            self.working_space = found.require_role(SCENE_LINEAR, "the working space")
        self.output_space = self.input_space
        if output_space is not None:
            self.output_space = found.space(output_space, "output colour space")
        self.kind: Kind = kind or (kind_of(path) if path is not None else "float")
        self._in = self._between(self.input_space, self.working_space)
        if (
            working_space is None
            and self.output_space == self.input_space
            and found.is_linear(self.input_space)
        ):
            self.working_space = self.input_space
            self._in = self._between(self.input_space, self.working_space)
        self._out = self._between(self.working_space, self.output_space)
        self._direct = self._between(self.input_space, self.output_space)
        self.flow = choose_encoding(
            found,
            flow_space=flow_space,
            input_space=self.input_space,
            working_space=self.working_space,
            integer_files=self.kind != "float",
        )
        self._displays: dict[tuple[str, str], Transform] = {}
        self._lock = threading.Lock()

    @property
    def passes_through(self) -> bool:
        """True when a frame that is only copied keeps its bits: output space and input space are the same."""
        return self._direct.is_noop

    def to_working(self, rgb: FloatImage) -> FloatImage:
        """Input pixels to the working space.

        Args:
            rgb: [H, W, 3|4] float32 in the input space; with alpha: premultiplied (as OpenImageIO reads
                every format, PNG included).

        Returns:
            The same array if there is nothing to do (bit-exact, NaN included), else a new, finite one.
        """
        return self._in.apply(rgb, threads=self.threads)

    def to_output(self, rgb: FloatImage) -> FloatImage:
        """Working pixels [H, W, 3|4] float32, premultiplied, to the output space; otherwise as to_working."""
        return self._out.apply(rgb, threads=self.threads)

    def convert(self, rgb: FloatImage) -> FloatImage:
        """Input pixels straight to the output space, for frames that are copied; the same array where the
        two spaces are one.
        """
        return self._direct.apply(rgb, threads=self.threads)

    def to_flow(self, rgb: FloatImage, *, working: bool = False) -> FloatImage:
        """What flow and metrics see: [H, W, 3] float32 within [0, 1], finite whatever comes in.

        Args:
            rgb: [H, W, 3|4] float32, premultiplied: *input-space* pixels as read from the file, or
                with ``working=True`` pixels in the working space.
        """
        check_pixels(rgb)
        transform, direct = self.flow.transform, self.flow.direct
        if transform is not None and direct is not None:
            if not working and (rgb.shape[2] == 3 or self._in.is_linear):  # alpha has no say here
                return direct.apply(rgb[..., :3], threads=self.threads)
            light = rgb if working else self.to_working(rgb)
            return transform.apply(light[..., :3], threads=self.threads)
        if working:
            rgb = self._between(self.working_space, self.input_space).apply(rgb, threads=self.threads)
        return _clip_encoded(rgb[..., :3] if rgb.shape[2] == 4 else rgb)

    def from_flow(self, rgb: FloatImage) -> FloatImage:
        """Flow space back to the working space, for engines that make pixels there.

        What ``to_flow`` clipped stays lost: light below 0, and above 65504 or, of encoded pictures, above 1.

        Args:
            rgb: [H, W, 3] float32; values beyond [0, 1] are clipped.
        """
        check_pixels(rgb)
        inside = _clip_encoded(rgb)
        back = self._in if self.flow.inverse is None else self.flow.inverse
        return back.apply(inside, threads=self.threads)

    def to_display(self, rgb: FloatImage, display: str | None = None, view: str | None = None) -> FloatImage:
        """A picture to look at: working pixels [H, W, 3|4] through a display and view to [H, W, 3] in [0, 1].

        Raises:
            ColorError: unknown display or view.
        """
        chosen = choose_view(self.config, display, view)
        with self._lock:
            transform = self._displays.get(chosen)
            if transform is None:
                transform = build_display(self.config, self.working_space, *chosen)
                self._displays[chosen] = transform
        return render_display(transform, rgb, self.threads)

    def describe(self) -> dict[str, str | bool | float]:
        """All decisions and their reasons, JSON-able, for ``retempo info``, reports and settings hashes."""
        shoulder = self.flow.shoulder
        facts: dict[str, str | bool | float] = {
            "config": self.config.name,
            "config_source": self.config.source,
            "config_id": self.config.cache_id,
            "ocio": str(ocio.__version__),
            "input_space": self.input_space,
            "input_reason": self.input_reason,
            "working_space": self.working_space,
            "working_is_linear": self.config.is_linear(self.working_space),
            "output_space": self.output_space,
            "copies_are_bit_exact": self.passes_through,
            "flow_kind": self.flow.kind,
            "flow_space": self.flow.space,
            "flow_reason": self.flow.reason,
        }
        if shoulder is not None:
            facts |= {"flow_black": shoulder.black, "flow_white": shoulder.white, "flow_peak": shoulder.peak}
        return facts

    def _between(self, source: str, target: str) -> Transform:
        return Transform(self.config.processor(source, target), f"'{source}' to '{target}'")


def _clip_encoded(rgb: FloatImage) -> FloatImage:
    """Encoded values within [0, 1]: the very same array where they are already, NaN -> 0."""
    inside = rgb.size == 0 or (all_finite(rgb) and float(rgb.min()) >= 0.0 and float(rgb.max()) <= 1.0)
    if inside:
        return np.ascontiguousarray(rgb)
    return np.ascontiguousarray(np.clip(np.nan_to_num(rgb, nan=0.0, posinf=LARGEST, neginf=0.0), 0.0, 1.0))

"""How does scene-linear light become a picture for a PNG or a movie that people look at?

Through a display and view of the config. Premultiplied colour goes in as it is: that is the picture over
black, and additive light shows. The result has three channels, clipped to [0, 1].
"""

from __future__ import annotations

import numpy as np
import PyOpenColorIO as ocio

from retempo.color.config import ColorConfig, suggest
from retempo.color.nonfinite import FloatImage
from retempo.color.transform import Transform, check_pixels
from retempo.errors import ColorError


def choose_view(config: ColorConfig, display: str | None, view: str | None) -> tuple[str, str]:
    """A display and a view that exist; None stands for the config's default.

    Raises:
        ColorError: unknown display or view, or a config without any display.
    """
    displays = [str(name) for name in config.config.getDisplaysAll()]
    if not displays:
        raise ColorError(
            f"OCIO config {config.source} has no display", "choose an output colour space instead"
        )
    chosen = _match(display or str(config.config.getDefaultDisplay()), displays, "display", config)
    views = [str(name) for name in config.config.getViews(chosen)]
    if not views:
        raise ColorError(f"display '{chosen}' of OCIO config {config.source} has no view")
    return chosen, _match(
        view or str(config.config.getDefaultView(chosen)), views, f"view of '{chosen}'", config
    )


def build_display(config: ColorConfig, source_space: str, display: str, view: str) -> Transform:
    """The transform of a display and view from :func:`choose_view`."""
    what = f"'{source_space}' to display '{display}', view '{view}'"
    transform = ocio.DisplayViewTransform(src=source_space, display=display, view=view)
    return Transform(config.transform_processor(transform, what), what, exact=False)


def render_display(transform: Transform, pixels: FloatImage, threads: int = 0) -> FloatImage:
    """[H, W, 3|4] light to an [H, W, 3] picture in [0, 1]; always a new array."""
    check_pixels(pixels)
    colour = np.ascontiguousarray(pixels[..., :3])
    shown = transform.apply(colour, threads=threads)
    return np.clip(np.nan_to_num(shown, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)


def _match(name: str, known: list[str], what: str, config: ColorConfig) -> str:
    for item in known:
        if item.lower() == name.strip().lower():
            return item
    raise ColorError(f"{what} '{name}' does not exist in OCIO config {config.source}", suggest(name, known))

"""Where is the error, and how large?

Colours are Turbo (Mikhailov, Google AI blog, 2019) at 33 evenly spaced nodes: dark blue is 0, red the
largest. ``oiiotool --colormap turbo`` shows the same.
"""

from __future__ import annotations

import numpy as np

from retempo.errors import UsageError
from retempo.report.lettering import draw_text, text_size

_NODES = """
30123b 392a73 4040a2 4456c7 466be3 4680f6 4293ff 37a7fa 28bbec 1dccd9 18dcc3
1ee8b0 31f299 4cf97e 6bfe64 8aff4c a2fc3c b8f735 cced34 dee037 edd03a f7c03a
fdad35 fe982c fb8022 f56818 ec520f e14109 d23105 c12302 ac1701 950d01 7a0403
"""
_TURBO = np.frombuffer(bytes.fromhex(_NODES), np.uint8).reshape(33, 3)


def paint_turbo(values: np.ndarray) -> np.ndarray:
    """[...] values in [0, 1] (clipped, NaN is 0) to [..., 3] uint8."""
    x = np.clip(np.nan_to_num(np.asarray(values, np.float64), nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    steps, nodes = np.linspace(0.0, 1.0, 1024), np.linspace(0.0, 1.0, len(_TURBO))
    table = np.stack([np.interp(steps, nodes, _TURBO[:, c]) for c in range(3)], axis=-1)
    return np.rint(table).astype(np.uint8)[np.rint(x * 1023.0).astype(np.int64)]


def paint_error(
    first: np.ndarray, second: np.ndarray, *, largest: float | None = None, bar: bool = True
) -> np.ndarray:
    """Mean absolute difference of two images as a heat map.

    Args:
        first, second: [H, W] or [H, W, C] of one shape; integers are compared as numbers 0..1 of their range.
        largest: the error shown as red; None takes the 99.5th percentile.
        bar: a colour bar with that number along the lower edge (frames of 120 x 48 and more).

    Returns:
        [H, W, 3] uint8. NaN or infinity in one image only counts as the largest error.
    """
    if np.shape(first) != np.shape(second) or np.ndim(first) not in (2, 3):
        raise UsageError(f"error needs two images of one shape, got {np.shape(first)} and {np.shape(second)}")
    with np.errstate(invalid="ignore"):
        error = np.abs(_unit(first) - _unit(second))
    same = np.isnan(_unit(first)) & np.isnan(_unit(second))
    same |= np.asarray(first) == np.asarray(second)
    error[same] = 0.0
    if error.ndim == 3:
        error = error.mean(axis=-1)
    bad = ~np.isfinite(error)
    known = error[~bad]
    if largest is None:
        largest = float(np.percentile(known, 99.5)) if known.size else 1.0
    picture = paint_turbo(np.where(bad, 1.0, error / max(largest, 1e-12)))
    if bar and picture.shape[1] >= 120 and picture.shape[0] >= 48:
        _draw_bar(picture, largest)
    return picture


def _unit(image: np.ndarray) -> np.ndarray:
    array = np.asarray(image)
    if np.issubdtype(array.dtype, np.integer):
        return array.astype(np.float64) / np.iinfo(array.dtype).max
    return array.astype(np.float64)


def _draw_bar(picture: np.ndarray, largest: float) -> None:
    height, width = picture.shape[:2]
    label, scale = f"{largest:.3g}", max(1, height // 360)
    start, end = 16 * scale, width - text_size(label, scale)[0] - 14 * scale
    top, bottom = height - 12 * scale, height - 4 * scale
    picture[height - 16 * scale :] = 0
    picture[top:bottom, start:end] = paint_turbo(np.linspace(0.0, 1.0, max(0, end - start)))
    draw_text(picture, "0", 5 * scale, top, scale=scale)
    draw_text(picture, label, end + 6 * scale, top, scale=scale)

"""How is one view made at one instant, whatever moves its pixels?"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from retempo.render.canvas import Canvas
from retempo.render.device import to_host
from retempo.render.index import Indices
from retempo.render.network import NetworkGap
from retempo.render.prepared_frames import PreparedFrames, PreparedView
from retempo.render.settings import RetimeSettings
from retempo.render.still import mix
from retempo.synthesis.index_maps import Map, back_flow, render_indexed
from retempo.synthesis.layered import LayeredPrepared


def render_view(
    settings: RetimeSettings,
    indices: Indices | None,
    prepared: PreparedFrames,
    view: PreparedView,
    time: Fraction,
    nearest: int,
    output: int | None,
) -> tuple[Canvas, np.ndarray | None]:
    """A view at a time, and the coverage of the layer that it shows, where it shows one alone.

    Args:
        indices: which pixels are shown at instants of their own.
        prepared: the frames that ``view`` is of.
        time: source time. nearest: which of the frames is nearest to it.
        output: number of the output frame, if it is one.

    Raises:
        InputError: an index map does not fit.
    """
    canvas, motion = view.canvases[nearest], view.motion
    threads, same = settings.threads, settings.deterministic
    if motion is None:
        chosen = nearest if settings.engine == "nearest" else None
        return replace(canvas, pixels=mix(prepared.moments, view.pixels, time, chosen)), None
    ids = view.ids if canvas.ids.shape[-1] else None
    maps = _find_maps(indices, prepared, view, time, output)
    if isinstance(motion, LayeredPrepared):
        which = settings.matte_output
        made = motion.render(view.pixels, time, ids, output=which, threads=threads, deterministic=same)
    elif isinstance(motion, NetworkGap):
        made = motion.render(view.pixels, time, ids, maps=maps, threads=threads, deterministic=same)
    elif maps is not None:
        made = render_indexed(motion, view.pixels, maps, ids, threads=threads, deterministic=same)
    else:
        made = motion.render(view.pixels, time, ids, threads=threads, deterministic=same)
    found = canvas.ids if made.ids is None else to_host(made.ids)
    return replace(canvas, pixels=to_host(made.pixels), ids=found), made.matte


def _find_maps(
    indices: Indices | None, prepared: PreparedFrames, view: PreparedView, time: Fraction, output: int | None
) -> tuple[Map, Map] | None:
    """How far along each pixel is, where they are not all at ``time``."""
    start, end = prepared.moments[0], prepared.moments[-1]
    if indices is None or view.motion is None or time in (start, end):
        return None
    back = back_flow(view.motion.parts[0]) if view.motion.parts else None
    return indices.find(prepared.frames, view.canvases, (time - start) / (end - start), output, back)

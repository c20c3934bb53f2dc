"""How is a blurred frame made that does not fit in memory? Strip by strip, every strip the sum of its instants."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retempo.io.frame import Frame
from retempo.io.target import Target
from retempo.render.canvas import fill_strip, union_windows
from retempo.render.exposure import Exposure, PassKey
from retempo.render.steps import Step

if TYPE_CHECKING:
    from retempo.render.strip_renderer import StripRenderer

Units = dict[PassKey, "StripRenderer"]
"""What each pass is made with; all of a frame are held at once, for every strip needs each."""


def prepare_units(units: Units, step: Step, like: StripRenderer) -> None:
    """Keep of ``units`` what ``step`` needs, and add the rest of that.

    Args:
        units: those of the step before; changed in place.
        step: a blurred frame.
        like: where the new ones get renderer, source and vectors from.
    """
    wanted = {one.key for one in step.passes if one.kind != "black"}
    for key in set(units) - wanted:
        del units[key]
    for one in step.passes:
        if one.key in wanted and one.key not in units:
            units[one.key] = like.twin()
            units[one.key].prepare(one.numbers, one.first)


def write_blurred(units: Units, target: Target, step: Step, rows: int) -> None:
    """Make and write one blurred frame.

    Args:
        units: from ``prepare_units``.
        target: where it goes.
        step: the frame.
        rows: height of a strip.
    """
    header = _header(units, step)
    writer = target.begin(step.entry.output, header, step.attributes)
    try:
        extents = [unit.extent for unit in units.values()]
        for row in range(min(top for top, _ in extents), max(bottom for _, bottom in extents), rows):
            exposure = Exposure(next(iter(units.values())).renderer.color)
            for one in step.passes:
                if one.kind == "black":
                    exposure.add_black(sum(one.weights))
                else:
                    units[one.key].expose(exposure, one, row)
            _, made = exposure.develop()
            writer.write_rows(row, fill_strip(header, made, row))
        writer.commit()
    except BaseException:
        writer.abort()
        raise


def _header(units: Units, step: Step) -> Frame:
    """The frame without pixels: that of the middle instant, with the data windows of all."""
    shown = [one for one in step.passes if one.kind != "black"]
    centre = next((one for one in shown if one.centre is not None), shown[0])
    template = units[centre.key].header(centre.times[centre.centre or 0])
    windows = union_windows([units[one.key].header(one.times[0]) for one in shown])
    layers = [replace(layer, window=windows[index]) for index, layer in enumerate(template.layers)]
    return replace(template, layers=layers)

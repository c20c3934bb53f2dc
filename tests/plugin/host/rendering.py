"""How does the host ask for a picture, and how does it judge what came back?

Around each Render: BeginSequenceRender and EndSequenceRender, getFramesNeeded to compare the fetches with,
and an output buffer whose every byte outside of the render window is watched. The plugin's declared thread
safety is kept: Unsafe renders one at a time, InstanceSafe one an instance, FullySafe as many as are called.
"""

from __future__ import annotations

import contextlib
import time as clock
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from host import constants as k
from host.actions import _FIELDS, TRAPPED, _scale, _time
from host.core import Fetch
from host.images import ImageBuffer, Rect, from_depth
from host.properties import Spec


@dataclass
class RenderLog:
    """What happened in one render.

    Attributes:
        fetches: images asked for. needed: what getFramesNeeded had said.
        polls: seconds from the start at which abort was polled. aborted_after: the first time the answer was
            yes. seconds: until the action came back. host_seconds: how much of that went by inside this host's
            suite functions (making images, above all) on the render's thread.
    """

    time: float
    status: int
    seconds: float
    host_seconds: float = 0.0
    fetches: list[Fetch] = field(default_factory=list)
    needed: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    polls: list[float] = field(default_factory=list)
    aborted_after: float | None = None

    @property
    def frames(self) -> list[tuple[str, float]]:
        """Clip and time of each fetch, in order."""
        return [(fetch.clip, fetch.time) for fetch in self.fetches]


class Rendering:
    """Pictures of ``Instance``."""

    @contextlib.contextmanager
    def sequence(
        self: Any, first: float, last: float, step: float = 1.0, scale: tuple[float, float] = (1.0, 1.0),
        sequential: bool = False, interactive: bool = False,
    ) -> Iterator[None]:  # fmt: skip
        """Renders within this share one pair of Begin and EndSequenceRender."""
        arguments = [
            Spec(k.kOfxImageEffectPropFrameRange, "double", 2, "host", (float(first), float(last))),
            Spec(k.kOfxImageEffectPropFrameStep, "double", 1, "host", (float(step),)),
            Spec(k.kOfxPropIsInteractive, "int", 1, "host", (int(interactive),)),
            _scale(scale),
            *_status(sequential, interactive),
        ]
        act = self.plugin.ask
        act(k.kOfxImageEffectActionBeginSequenceRender, self, arguments, [], accepted=TRAPPED, scale=scale)
        self._sequence = self._sequence or 0
        self._sequence += 1
        try:
            yield
        finally:
            self._sequence -= 1
            act(k.kOfxImageEffectActionEndSequenceRender, self, arguments, [], accepted=TRAPPED, scale=scale)

    def render(
        self: Any,
        time: float,
        *,
        window: tuple[int, int, int, int] | None = None,
        scale: tuple[float, float] = (1.0, 1.0),
        field: str = "none",
        draft: bool = False,
        interactive: bool = False,
        sequential: bool = False,
        abort: Callable[[], bool] | float | None = None,
        negative_rows: bool = False,
        padding: int = 0,
        margin: int = 0,
        raw: bool = False,
    ) -> np.ndarray | None:
        """The picture at a time.

        Args:
            time: output time in frames.
            window: x1, y1, x2, y2 in pixels, y up; by default the whole region of definition. Smaller ones
                need a plugin that supports tiles.
            scale: render scale. field: none, both, lower or upper. draft, interactive, sequential: flags.
            abort: a function that says whether to stop, or the seconds after which to.
            negative_rows, padding, margin: how the output lies in memory.
            raw: return the plugin's own numbers (uint8, uint16, float16) instead of float32.

        Returns:
            [H, W, C], rows top-down; None where the host aborted.

        Raises:
            ActionFailed: the plugin returned an error. OfxViolation: in strict mode, a broken rule.
        """
        missing = [n for n, c in self.inputs.items() if not c.definition.optional and c.source is None]
        if missing:
            raise ValueError(f"clip {', '.join(missing)} is not optional and has to be connected")
        aspect = self._aspect()
        rod = self._finite(self.output_region(time, scale)).to_pixels(scale, aspect)
        box = Rect(*window) if window else rod
        tiles = self.properties.get(k.kOfxImageEffectPropSupportsTiles) and self.clips["Output"].tiles
        if box != rod and not tiles:
            raise ValueError(
                "the plugin supports no tiles; a host has to render its whole region of definition"
            )
        box = box.intersect(rod)
        needed = self.frames_needed(time)
        if tiles or self.plugin.host.core.personality.asks_regions:
            self.regions_of_interest(time, box.to_canonical(scale, aspect), scale)
        draft_flag = Spec(k.kOfxImageEffectPropRenderQualityDraft, "int", 1, "host", (int(draft),))
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.plugin.hold(self))
            if not self._sequence:
                flags = {"sequential": sequential, "interactive": interactive}
                stack.enter_context(self.sequence(time, time, scale=scale, **flags))
            return self._draw(
                time, box, (box if tiles else rod).grow(margin), rod, scale, field,
                [*_status(sequential, interactive), draft_flag],
                abort, needed, (negative_rows, padding), raw,
            )  # fmt: skip

    def _draw(
        self: Any, time: float, box: Rect, bounds: Rect, rod: Rect, scale: tuple[float, float], field: str,
        flags: list[Spec], abort: Callable[[], bool] | float | None, needed: dict[str, list[tuple[float, float]]],
        layout: tuple[bool, int], raw: bool,
    ) -> np.ndarray | None:  # fmt: skip
        output, journal = (
            self.clips[k.kOfxImageEffectOutputClipName].properties,
            self.plugin.host.core.journal,
        )
        depth = output.get(k.kOfxImageEffectPropPixelDepth)
        buffer = ImageBuffer(bounds, depth, output.get(k.kOfxImageEffectPropComponents), *layout)
        buffer.blank()
        start = clock.perf_counter()
        wants = (
            abort
            if callable(abort) or abort is None
            else lambda: clock.perf_counter() - start >= float(abort)
        )
        arguments = [
            _time(time),
            Spec(k.kOfxImageEffectPropFieldToRender, "string", 1, "host", (_FIELDS[field],)),
            Spec(k.kOfxImageEffectPropRenderWindow, "int", 4, "host", tuple(int(v) for v in box)),
            _scale(scale),
            *flags,
        ]
        context = self.plugin.make_context(
            k.kOfxImageEffectActionRender, self, time=float(time), scale=scale, field=_FIELDS[field], abort=wants,
            ranges=needed if self.plugin.host.temporal_access else None,
            output=(buffer, rod, f"Output:{self.number}:{time}"),
        )  # fmt: skip
        self.active.append(context)
        log = RenderLog(float(time), -1, 0.0, 0.0, context.fetches, needed, context.polls)
        self.last_render = log
        try:
            log.status, _ = self.plugin.ask(context.name, self, arguments, [], context=context)
        finally:
            self.active.remove(context)
            log.seconds = clock.perf_counter() - context.started
            log.host_seconds = context.host_seconds
            log.aborted_after = context.aborted_at
        if buffer.guard_hit():
            journal.violate(
                "stray write", f"{self} at {time:g}", "bytes beyond the rows or the output were written"
            )
        if buffer.changed_outside(box):
            journal.violate(
                "stray write", f"{self} at {time:g}", "pixels outside of the render window were written"
            )
        aborted = context.aborted_at is not None
        if not aborted:
            self.plugin.check_status(context.name, self, log.status, (k.kOfxStatOK,))
            blank = buffer.count_blank(box) if field in ("none", "both") else 0
            if blank:
                journal.violate(
                    "unwritten pixels", f"{self} at {time:g}", f"{blank} pixels of the render window"
                )
        self.plugin.host.raise_if_strict()
        if aborted:
            return None
        pixels = buffer.view(box)
        return pixels.copy() if raw else from_depth(pixels, depth)

    def render_many(
        self: Any, times: Iterable[float], threads: int = 1, **options: Any
    ) -> dict[float, np.ndarray | None]:
        """Pictures at several times, rendered by several threads within one sequence."""
        listed = list(times)
        with self.sequence(min(listed), max(listed)), ThreadPoolExecutor(threads) as pool:
            jobs = {time: pool.submit(self.render, time, **options) for time in listed}
            return {time: job.result() for time, job in jobs.items()}


def _status(sequential: bool, interactive: bool) -> list[Spec]:
    return [
        Spec(k.kOfxImageEffectPropSequentialRenderStatus, "int", 1, "host", (int(sequential),)),
        Spec(k.kOfxImageEffectPropInteractiveRenderStatus, "int", 1, "host", (int(interactive),)),
    ]

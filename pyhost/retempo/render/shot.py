"""How is a whole shot retimed? Reads ahead, prepares each pair once, writes behind, resumes.

Reading, computing and writing overlap; what is held at any moment are the contributing frames, one read
ahead and two being written, whatever the length of the shot. Frames that do not fit go through ``strips``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from retempo.color.chromaticities import stated_by
from retempo.color.pipeline import ColorPipeline
from retempo.io.formats import is_movie
from retempo.io.frame import Frame
from retempo.io.source import Source
from retempo.io.target import Target
from retempo.render.exposure import Exposure, Pass, PassKey
from retempo.render.fitting import fit_schedule
from retempo.render.flow_memory import FlowMemory
from retempo.render.frame import FrameRenderer
from retempo.render.prepared_frames import PreparedFrames
from retempo.render.queues import FrameQueue, FrameReader
from retempo.render.resume import Witness, colour_identity
from retempo.render.steps import Places, Step, gather_pairs, is_done, list_steps
from retempo.render.still import assemble, blacken
from retempo.render.strips import render_in_strips
from retempo.render.timing import Schedule
from retempo.retime.cadence import Cadence

Progress = Callable[[int, int, str], None]


@dataclass
class ShotReport:
    """What a shot took.

    Args:
        written: output frames made now; ``skipped``: found whole and made with the same settings.
        copied: of those written, source frames passed through.
        repaired: source frames with NaN or infinite colour, and how many pixels of each were replaced.
        matched: source frames that flow saw at another exposure than their own.
        pairs: sets of source frames that flow was estimated for.
        strips: rows of a strip where frames were too large for the memory budget; 0: made whole.
        flow_scale: resolution at which flow was then searched.
        seconds: wall time spent waiting for input, preparing, rendering and waiting for output.
    """

    written: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    copied: list[int] = field(default_factory=list)
    repaired: dict[int, int] = field(default_factory=dict)
    matched: set[int] = field(default_factory=set)
    pairs: int = 0
    strips: int = 0
    flow_scale: float | None = None
    seconds: dict[str, float] = field(
        default_factory=lambda: {"read": 0.0, "prepare": 0.0, "render": 0.0, "write": 0.0}
    )

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "written": self.written,
            "skipped": self.skipped,
            "copied": self.copied,
            "repaired": self.repaired,
            "exposure_matched": sorted(self.matched),
            "pairs": self.pairs,
            "strips": self.strips,
            "flow_scale": self.flow_scale,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def render_shot(
    source: Source,
    target: Target,
    wanted: Schedule,
    renderer: FrameRenderer,
    *,
    vectors: Source | None = None,
    mattes: Source | None = None,
    resume: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
) -> ShotReport:
    """Make every frame of a schedule.

    Args:
        source: where source frames come from.
        target: where results go; it is closed on success and aborted on any error.
        wanted: the plan, frame rate and first output frame.
        renderer: settings, colour and estimators.
        vectors, mattes: second sequences that hold motion vectors and the foreground's matte, with the source's frame
            numbers.
        resume: leave alone the frames that exist, are whole, and were made with the same settings from the
            same source files.
        verify: leave them alone only if every byte of them is as it was written; reads them all.
        progress: called as ``progress(done, total, what)`` after each frame.

    Raises:
        InputError, OutputError: a frame cannot be read or written, or a source file was replaced meanwhile;
            finished frames stay.
    """
    report = ShotReport()
    cadence = wanted.plan.cadence
    renderer, cut = fit_schedule(renderer, source, wanted)
    steps = steps_of(source, target, wanted, renderer, vectors, mattes)
    work = []
    for step in steps:
        if resume and is_done(step, target, verify):
            report.skipped.append(step.entry.output)
        else:
            work.append(step)
    if not is_movie(target.path(0)):
        work = gather_pairs(work)

    witness = Witness({number for step in work for number in step.needed}, source, vectors, mattes)

    def done(step: Step) -> None:
        report.written.append(step.entry.output)
        if step.entry.kind == "copy" and renderer.settings.matte_output == "result":
            report.copied.append(step.entry.output)
        if progress is not None:
            progress(len(report.skipped) + len(report.written), len(steps), f"frame {step.entry.output}")

    try:
        if cut is not None:
            report.strips = cut.rows
            report.flow_scale = cut.flow_scale
            report.pairs = len({one.key for step in work for one in step.passes if one.kind == "between"})
            made = render_in_strips(
                renderer, source, target, vectors, cut, work, report.repaired, report.matched, cadence
            )
            with timed(report.seconds, "render"):  # strips are read, made and written in turn
                for step in made:
                    done(step)
        else:
            _render_whole(renderer, source, target, (vectors, mattes), cadence, work, report, done)
        witness.check()
        target.close()
    except BaseException:
        target.abort()
        raise
    return report


def steps_of(
    source: Source,
    target: Places,
    wanted: Schedule,
    renderer: FrameRenderer,
    vectors: Source | None = None,
    mattes: Source | None = None,
) -> list[Step]:
    """Every frame of a schedule with the stamp that it gets; the renderer is the one that ``fit_memory`` gives."""
    colour = colour_identity(renderer.color.describe())
    if renderer.overlay is not None:
        colour += renderer.overlay.digest
    return list_steps(
        source,
        target,
        wanted,
        renderer.settings,
        vectors,
        colour,
        primaries(renderer.color),
        mattes,
        renderer.indices,
    )


def primaries(color: ColorPipeline) -> dict[str, tuple[float, ...] | None]:
    """Metadata that colour conversion changes: the chromaticities of the output space, or none that would be wrong."""
    return {} if color.passes_through else {"chromaticities": stated_by(color.config, color.output_space)}


def _render_whole(
    renderer: FrameRenderer,
    source: Source,
    target: Target,
    companions: tuple[Source | None, Source | None],
    cadence: Cadence,
    work: Sequence[Step],
    report: ShotReport,
    done: Callable[[Step], None],
) -> None:
    """Reads ahead, computes, writes behind; ``companions`` are vectors and mattes."""
    passes = [(step, index) for step in work for index in range(len(step.passes))]
    reader = FrameReader(source.read, [step.passes[index].numbers for step, index in passes])
    writer = FrameQueue(workers=1 if is_movie(target.path(0)) else 2)
    held = _Held(renderer, *companions, report, cadence)
    prepared_kinds = {"between", "fade", "blur"}
    if renderer.settings.matte_output != "result":
        prepared_kinds.add("copy")
    stages = report.seconds
    exposure = Exposure(renderer.color)
    try:
        for position, (step, index) in enumerate(passes):
            entry, one = step.entry, step.passes[index]
            with timed(stages, "read"):
                taken = reader.take(position)
            prepared = None
            if entry.kind in prepared_kinds and one.kind != "black":
                prepared = held.prepare(one, taken, _keys_soon(passes, position))
            with timed(stages, "render"):
                if entry.kind == "blur":
                    if prepared is None:
                        exposure.add_black(sum(one.weights))
                    else:
                        renderer.expose(exposure, prepared, one)
                    if index + 1 < len(step.passes):
                        continue
                    made = assemble(*exposure.develop())
                    exposure = Exposure(renderer.color)
                elif prepared is not None:
                    made = renderer.render(prepared, entry.source_time, entry.output)
                else:
                    made = renderer.pass_through(taken[one.numbers[0]])
                    made = blacken(made) if entry.kind == "black" else made
            with timed(stages, "write"):
                writer.submit(partial(target.write, entry.output, made, step.attributes))
            done(step)
        with timed(stages, "write"):
            writer.finish()
    except BaseException:
        writer.cancel()
        raise
    finally:
        reader.close()


class _Held:
    """What is prepared for the present output and the next one; everything once, as long as it stays of use."""

    def __init__(
        self,
        renderer: FrameRenderer,
        vectors: Source | None,
        mattes: Source | None,
        report: ShotReport,
        cadence: Cadence,
    ) -> None:
        self._renderer = renderer
        self._vectors = vectors and _Companion(vectors)
        self._mattes = mattes and _Companion(mattes)
        self._report = report
        self._cadence = cadence
        self._held: dict[PassKey, PreparedFrames] = {}
        self._memory = FlowMemory()

    def prepare(self, one: Pass, taken: Mapping[int, Frame], soon: set[PassKey]) -> PreparedFrames:
        """The prepared frames of a pass; what is not wanted ``soon`` is let go of before."""
        self._held = {key: prepared for key, prepared in self._held.items() if key in soon}
        found = self._held.get(one.key)
        if found is None:
            moving = one.kind == "between"
            with timed(self._report.seconds, "prepare"):
                vectors = self._vectors.take(one.numbers) if moving and self._vectors else None
                alone = self._renderer.settings.matte_output != "result"
                mattes = self._mattes.take(one.numbers) if (moving or alone) and self._mattes else None
                found = self._renderer.prepare(
                    taken,
                    vectors,
                    one.first,
                    mattes=mattes,
                    motion=moving,
                    memory=self._memory,
                    moments=self._cadence.times,
                )
            self._held[one.key] = found
            self._report.pairs += moving
            self._report.repaired.update(found.repaired)
            self._report.matched.update(found.matched)
        return found


def _keys_soon(passes: Sequence[tuple[Step, int]], position: int) -> set[PassKey]:
    """What the rest of the step at ``position`` wants prepared, and the step after it."""
    here, index = passes[position]
    following = next((step for step, _ in passes[position + 1 :] if step is not here), None)
    return {one.key for one in (*here.passes[index:], *(following.passes if following else ()))}


@contextmanager
def timed(stages: dict[str, float], stage: str) -> Iterator[None]:
    """Add the wall time of the ``with`` block to ``stages[stage]``."""
    began = time.perf_counter()
    try:
        yield
    finally:
        stages[stage] += time.perf_counter() - began


class _Companion:
    """A sequence beside the source, of which neighbouring gaps want mostly the same frames; each is read once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held: dict[int, Frame] = {}

    def take(self, numbers: tuple[int, ...]) -> Mapping[int, Frame]:
        """These frames; others are let go of."""
        self._held = {
            number: self._held[number] if number in self._held else self._source.read(number)
            for number in numbers
        }
        return self._held

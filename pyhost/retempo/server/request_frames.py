"""What does a request hand over? Frames around the pixels that a client has sent; whether they do for what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, NamedTuple

import numpy as np

from retempo.errors import InputError, TimingError, UsageError
from retempo.flow.vectors import VectorPreset
from retempo.io.frame import Frame, Layer, make_layer
from retempo.render.exposure import Pass, list_passes
from retempo.render.settings import RetimeSettings
from retempo.render.steps import contributors
from retempo.retime.cuts import Cuts, parse_cuts
from retempo.retime.moment import PlanEntry
from retempo.server.render_message import (
    LAYERS,
    FrameEntry,
    How,
    Instant,
    Kind,
    Output,
    RenderMessage,
    Role,
)

NAMES: Final = {1: ("A",), 3: ("R", "G", "B"), 4: ("R", "G", "B", "A")}


@dataclass(frozen=True)
class Given:
    """What a request hands over: frames by role and number with their pixels ``[H, W, C]``, and its settings."""

    message: RenderMessage
    settings: RetimeSettings
    pixels: Mapping[tuple[Role, int], np.ndarray]

    def entry(self, role: Role, number: int) -> FrameEntry | None:
        """The frame table's line for a role and number."""
        return next((one for one in self.message.frames if (one.role, one.number) == (role, number)), None)


class Pair(NamedTuple):
    """Source frames that are prepared together.

    Args:
        numbers: of all that are looked at, ascending: with quadratic motion those past the gap, too.
        first: the one that the instants to be rendered follow.
    """

    numbers: tuple[int, ...]
    first: int


def check_request(message: RenderMessage, settings: RetimeSettings) -> None:
    """Refuse what cannot be done, before a pixel is sent.

    Raises:
        UsageError: roles or outputs that do not go together with each other or the settings.
        InputError: frames are missing, or differ.
        TimingError: the source time is outside of the frames.
    """
    if message.kind == Kind.SHOTS:
        return  # see request_shots
    by_role: dict[Role, list[int]] = {role: [] for role in Role}
    for one in message.frames:
        by_role[one.role].append(one.number)
    sources = sorted(by_role[Role.SOURCE])
    if not sources:
        raise InputError("there is no source frame", "connect a source")
    channels = {one.channels for one in message.frames if one.role == Role.SOURCE}
    if len(channels) > 1:
        raise InputError(
            f"the source frames have {' and '.join(map(str, sorted(channels)))} channels", "send them alike"
        )
    moving = {number for pair in pairs_of(message, settings) for number in pair.numbers}
    lacks_depth = settings.depth != "off" and not by_role[Role.DEPTH] and (moving or not message.instants)
    if lacks_depth or (by_role[Role.DEPTH] and settings.depth == "off"):
        raise UsageError(
            f"depth is {settings.depth!r} and {len(by_role[Role.DEPTH])} depth frames were sent",
            "connect a depth input, or switch depth off"
            if settings.depth != "off"
            else "choose how depth is used",
        )
    with_vectors = any(part.strip().startswith("vectors") for part in settings.flow.split("+"))
    if by_role[Role.VECTORS] and not with_vectors:
        raise UsageError(
            f"vector frames were sent and the flow is {settings.flow!r}", "choose the flow vectors"
        )
    alone = message.output in LAYERS
    for role, wanted in (
        (Role.DEPTH, settings.depth != "off"),
        (Role.VECTORS, with_vectors),
        (Role.MATTE, alone or bool(by_role[Role.MATTE])),
    ):
        every = alone and role == Role.MATTE
        lacking = sorted((moving if message.instants and not every else set(sources)) - set(by_role[role]))
        if wanted and lacking and (len(sources) > 1 or every):
            raise InputError(f"there is no {role.name.lower()} for frame {lacking[0]}", "connect that input")
    if message.kind == Kind.VECTORS or message.output == Output.VECTORS:
        if by_role[Role.MATTE]:
            raise UsageError("vectors are of the whole picture, and a matte was sent", "leave it out")
        if message.output == Output.VECTORS and message.channels != 4:
            raise UsageError(f"vectors were asked for in {message.channels} channels", "ask for four")
    if is_of_frame(message):
        _check_vectors(message, sources)
        return
    if (message.output == Output.PICTURE or alone) and message.channels not in channels:
        raise UsageError(
            f"{channels.pop()} channels were sent and {message.channels} are wanted", "ask for the same"
        )
    shown = [one.time for one in message.instants if one.how != How.BLACK]
    if message.instants and not shown:
        raise UsageError("all instants are black", "there is nothing to be rendered")
    for time in shown or [message.time]:
        if not sources[0] <= time <= sources[-1] or (len(sources) == 1 and time != sources[0]):
            raise TimingError(
                f"source time {time} is not among the frames {sources[0]} to {sources[-1]} that were sent",
                "send the two frames around it",
            )


def _check_vectors(message: RenderMessage, sources: Sequence[int]) -> None:
    if message.time.denominator != 1 or int(message.time) not in sources:
        raise InputError(
            f"vectors belong to a source frame, and {message.time} is none that was sent", "send it"
        )
    strangers = [one for one in sources if abs(one - message.time) > 1]
    if strangers and message.kind == Kind.VECTORS:
        raise InputError(
            f"frame {strangers[0]} is no neighbour of frame {message.time}", "send n - 1, n and n + 1"
        )


def is_copy(message: RenderMessage) -> bool:
    """Does the request get a source frame as it stands, with nothing to prepare?"""
    return (
        message.kind == Kind.RETIME
        and message.output != Output.VECTORS
        and not message.instants
        and message.time.denominator == 1
        and any(one.role == Role.SOURCE and one.number == message.time for one in message.frames)
    )


def is_of_frame(message: RenderMessage) -> bool:
    """Is the motion of one source frame to its neighbours asked for?"""
    whole = message.output == Output.VECTORS and message.time.denominator == 1
    return message.kind == Kind.VECTORS or whole


def pairs_of(message: RenderMessage, settings: RetimeSettings) -> list[Pair]:
    """What has to be prepared.

    Raises:
        UsageError: see ``passes_of``.
    """
    if is_of_frame(message):
        sources, here = set(sources_of(message)), int(message.time)
        return [Pair(pair, pair[0]) for pair in ((here - 1, here), (here, here + 1)) if set(pair) <= sources]
    if is_copy(message) or message.kind == Kind.SHOTS:
        return []
    return sorted({pair_of(one) for one in passes_of(message, settings) if one.kind == "between"})


def pair_of(one: Pass) -> Pair:
    """What has to be prepared for instants between two source frames."""
    assert one.first is not None
    return Pair(one.numbers, one.first)


def sources_of(message: RenderMessage) -> list[int]:
    """Numbers of the source frames in the table, ascending."""
    return sorted(one.number for one in message.frames if one.role == Role.SOURCE)


def moment_of(message: RenderMessage, instant: Instant) -> PlanEntry:
    """An instant by the frames that were sent: one of them, black, or between two that are neighbours among them."""
    sources, time = sources_of(message), instant.time
    if instant.how == How.BLACK:
        return PlanEntry(0, time, "black", None, None, Fraction(0))
    if time in sources:
        return PlanEntry(0, time, "copy", int(time), None, Fraction(0))
    before = max((one for one in sources[:-1] if one <= time), default=sources[0])
    after = min((one for one in sources if one > before), default=before)
    kind: Literal["fade", "between"] = "fade" if instant.how == How.FADE else "between"
    return PlanEntry(0, time, kind, before, after, (time - before) / max(1, after - before))


def passes_of(message: RenderMessage, settings: RetimeSettings) -> tuple[Pass, ...]:
    """The instants of a picture, or its one moment, as the renderer wants them.

    What a moment is made from is decided as for ``retempo retime``, among the frames that were sent: one that was sent
    for another instant does no harm.

    Raises:
        UsageError: the settings' cuts are no list of frames, or part two between which something is to move.
    """
    sources, cuts = sources_of(message), Cuts.of(parse_cuts(settings.cuts))
    moments = tuple(moment_of(message, one) for one in message.instants or (Instant(message.time),))

    def needs(moment: PlanEntry) -> tuple[int, ...]:
        numbers = contributors(moment, sources, settings.window, cuts)
        if moment.kind == "between" and moment.second not in numbers:
            raise UsageError(
                f"source time {moment.source_time} lies across a cut, between {moment.first} and {moment.second}",
                "ask for one of the two, or for an instant that is mixed",
            )
        return numbers

    return list_passes(PlanEntry(0, message.time, "blur", None, None, Fraction(0), "", moments), needs)


def source_frame(given: Given, number: int) -> Frame:
    """A source frame (and its depth, if there is one) around the client's pixels; nothing is copied."""
    entry = given.entry(Role.SOURCE, number)
    if entry is None:
        raise InputError(f"source frame {number} was not sent", "send it")
    display = given.message.display
    layers = [_layer(given, entry, NAMES[entry.channels], "")]
    depth = given.entry(Role.DEPTH, number)
    if depth is not None:
        plane = given.pixels[Role.DEPTH, number][..., :1]
        layers.append(
            make_layer(plane, ("Z",), window=depth.window, display=display, formats="float", name="depth")
        )
    return Frame(layers, display, Path(f"frame {number}"), "openexr")


def matte_frame(given: Given, number: int) -> Frame:
    """The frame that holds the matte of a source frame.

    Raises:
        InputError: it was not sent.
    """
    entry = given.entry(Role.MATTE, number)
    if entry is None:
        raise InputError(f"the matte of frame {number} was not sent", "connect the matte")
    layer = _layer(given, entry, NAMES[entry.channels], "")
    return Frame([layer], given.message.display, Path(f"of frame {number}"), "openexr")


def has_mattes(message: RenderMessage) -> bool:
    """Do mattes come with the request?"""
    return any(one.role == Role.MATTE for one in message.frames)


def vector_frame(given: Given, number: int, preset: VectorPreset) -> Frame:
    """A frame of motion vectors whose channels have the preset's names."""
    entry = given.entry(Role.VECTORS, number)
    if entry is None:
        raise InputError(f"the vectors of frame {number} were not sent", "connect the vectors")
    if entry.channels < 3:
        raise InputError(f"the vectors of frame {number} have one channel", "vectors need two or four")
    layer = _layer(given, entry, vector_channels(preset)[: entry.channels], "")
    return Frame([layer], given.message.display, Path(f"vectors of frame {number}"), "openexr")


def vector_channels(preset: VectorPreset) -> tuple[str, str, str, str]:
    """What R, G, B and A of a picture of vectors are called in a file of the preset."""
    if preset.forward and preset.backward:
        first, second = (
            (preset.backward, preset.forward)
            if preset.name == "cycles"
            else (preset.forward, preset.backward)
        )
        return (*first, *second)
    only = preset.forward or preset.backward
    assert only
    return (*only, "unused", "A")


def _layer(given: Given, entry: FrameEntry, names: Sequence[str], name: str) -> Layer:
    pixels = given.pixels[entry.role, entry.number]
    return make_layer(
        pixels, names, window=entry.window, display=given.message.display, formats="float", name=name
    )

"""Where does an edit list or a timeline say that new shots begin? ``--cuts reel.edl`` or ``reel.otio``.

The source is the finished edit, so the *record* side counts: the first event stands for the first source frame. A
dissolve or wipe is no cut, its frames are listed by themselves; a fade from or to black is one, where the picture
begins or ends. EDLs are CMX 3600; timelines are whatever OpenTimelineIO reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from retempo.errors import InputError, UsageError
from retempo.retime.cuts import Stretch, join_stretches
from retempo.retime.timeline_files import import_otio, read_timeline

SUFFIXES = (".edl", ".otio", ".otioz", ".otiod")
_CODE = r"\d\d[:;]\d\d[:;]\d\d[:;.]\d\d"
_EVENT = re.compile(
    rf"\s*\d+\s+(?P<reel>\S+)\s+(?P<track>\S+)\s+(?P<kind>[A-Z]+\d*)\s*(?P<length>\d+)?\s+{_CODE}\s+{_CODE}\s+"
    rf"(?P<begin>{_CODE})\s+(?P<end>{_CODE})",
    re.ASCII,
)
_DROPPED = {30: 2, 60: 4}
"""Nominal rate -> numbers left out at each full minute, but for each tenth."""
_BLACK = ("BL", "BLACK")
"""Reels of an EDL that show nothing."""


@dataclass(frozen=True)
class Event:
    """A clip of an edit, in frames of the finished edit.

    Args:
        start: its first frame; of one that is dissolved to, the first of its own.
        over: the frames that show the clip before it as well, if there are any: first and last.
    """

    start: int
    over: Stretch | None = None


def names_file(text: str) -> bool:
    """Does ``--cuts`` name a file, rather than list frames?"""
    return text.lower().endswith(SUFFIXES)


def load_cuts(path: str, first: int, rate: Fraction | None) -> tuple[tuple[int, ...], tuple[Stretch, ...]]:
    """The first frames of new shots, ascending; and the dissolves, first and last mixed frame each.

    Args:
        path: an EDL, or a file that OpenTimelineIO reads.
        first: number of the first source frame.
        rate: frames per second of the source, which timecodes count in; None where it is not known.

    Raises:
        UsageError: no rate is known. InputError: the file cannot be read, or has no event.
    """
    if rate is None:
        raise UsageError(
            f"{path} counts in timecode, and the source does not say its frame rate",
            "give it with --fps, or list frames",
        )
    events = _read_edl(path, rate) if path.lower().endswith(".edl") else _read_timeline(path, rate)
    if not events:
        raise InputError(f"{path} has no picture event", "give the list of the edit that the source shows")
    shift = first - min(event.start if event.over is None else event.over[0] for event in events)
    cuts = {event.start + shift for event in events if event.over is None} - {first}
    stretches = [event.over for event in events if event.over is not None]
    return tuple(sorted(cuts)), join_stretches((begin + shift, end + shift) for begin, end in stretches)


def _read_edl(path: str, rate: Fraction) -> list[Event]:
    """The events of the picture; what is faded to or from black is cut, where there is no black any more, or only."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check the path") from error
    events, dropping, before = [], False, ""
    for line in text.splitlines():
        if line.upper().startswith("FCM:"):
            dropping = "NON" not in line.upper()
        event = _EVENT.match(line)
        if event is None or not set(event["track"].upper()) & {"V", "B"}:
            continue
        begin, end = (count_frames(code, rate, dropping, path) for code in event.group("begin", "end"))
        reel, length = event["reel"].upper(), 0 if event["kind"] == "C" else int(event["length"] or 0)
        if begin < end:  # what a dissolve comes from is listed with no length
            if not length or before in ("", *_BLACK):
                events.append(Event(begin))
            elif reel in _BLACK:
                events.append(Event(begin + length))
            else:
                events.append(Event(begin + length, (begin, begin + length - 1)))
        before = reel
    return events


def count_frames(code: str, rate: Fraction, dropping: bool, where: str) -> int:
    """The number of the frame that has a timecode.

    Args:
        code: hh:mm:ss:ff; a semicolon before the frames means drop-frame.
        rate: frames per second; timecode counts whole ones, 30 for 30000/1001.
        dropping: the list says that its timecodes are drop-frame.
        where: for the message.

    Raises:
        InputError: no timecode of this rate.
    """
    hours, minutes, seconds, frames = (int(part) for part in re.split(r"[:;.]", code))
    nominal = -(-rate.numerator // rate.denominator)
    if frames >= nominal or seconds > 59 or minutes > 59:
        raise InputError(
            f"{where}: {code} is no timecode of {nominal} frames a second", "give the rate with --fps"
        )
    number = ((hours * 60 + minutes) * 60 + seconds) * nominal + frames
    if (dropping or ";" in code) and nominal in _DROPPED and rate != nominal:
        whole = hours * 60 + minutes
        number -= _DROPPED[nominal] * (whole - whole // 10)
    return number


def _read_timeline(path: str, rate: Fraction) -> list[Event]:
    """The items of the first track with pictures, in frames of ``rate``."""
    otio, document = import_otio(), read_timeline(path)
    try:
        return [event for track in _video_tracks(otio, document)[:1] for event in _events(otio, track, rate)]
    except (
        ValueError,
        ArithmeticError,
        otio.exceptions.OTIOError,
    ) as error:  # a rate of 0, clips without a length
        raise InputError(f"{path} has times that are none: {error}"[:400], "export it again") from error


def _video_tracks(otio: Any, document: Any) -> list[Any]:
    if isinstance(document, otio.schema.Track):
        return [document]
    return list(document.video_tracks()) if isinstance(document, otio.schema.Timeline) else []


def _events(otio: Any, track: Any, rate: Fraction) -> list[Event]:
    events, fade, shown = [], None, False
    for index, item in enumerate(track):
        if isinstance(item, otio.schema.Transition):
            fade = item
            continue
        start = track.range_of_child_at_index(index).start_time
        event, shows = Event(_whole(start, rate)), not isinstance(item, otio.schema.Gap)
        if fade is not None:
            begin, end = _whole(start - fade.in_offset, rate), _whole(start + fade.out_offset, rate)
            if shown and shows and begin < end:
                event = Event(end, (begin, end - 1))
            else:  # from or to black
                event = Event(begin if shows else end)
        events.append(event)
        fade, shown = None, shows
    return events


def _whole(time: Any, rate: Fraction) -> int:
    own = Fraction(time.rate).limit_denominator(1001)
    return round(Fraction(time.value) * rate / own)

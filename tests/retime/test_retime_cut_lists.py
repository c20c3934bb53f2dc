"""Do edit lists and timelines give the first frames of their shots?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import opentimelineio as otio
import pytest

from retempo.errors import InputError, UsageError
from retempo.retime.cut_lists import count_frames, load_cuts, names_file

EDL = """TITLE: reel
FCM: NON-DROP FRAME

001  AX       V     C        00:00:10:00 00:00:12:00 01:00:00:00 01:00:02:00
* FROM CLIP NAME: one.mov
002  AX       A     C        00:00:10:00 00:00:12:00 01:00:01:00 01:00:02:00
003  TAPE2    B     C        00:01:00:00 00:01:01:12 01:00:02:00 01:00:03:12
004  TAPE2    V     C        00:01:01:12 00:01:01:12 01:00:03:12 01:00:03:12
004  TAPE3    V     D    024 00:02:00:00 00:02:03:00 01:00:03:12 01:00:06:12
005  AX       AA/V  C        00:00:00:00 00:00:01:00 01:00:06:12 01:00:07:12
"""


def test_an_edl(tmp_path: Path) -> None:
    """At 24 a second: cuts after 2 s and 6.5 s, and a dissolve of a second from 3.5 s on."""
    path = tmp_path / "reel.EDL"
    path.write_text(EDL)
    assert load_cuts(str(path), 1001, Fraction(24)) == ((1001 + 48, 1001 + 156), ((1001 + 84, 1001 + 107),))


def test_drop_frame() -> None:
    rate = Fraction(30000, 1001)
    assert count_frames("01:00:00;00", rate, False, "") == 107892
    assert count_frames("01:00:00:00", rate, False, "") == 108000
    assert count_frames("00:01:00:02", rate, True, "") == 1800
    assert count_frames("00:10:00;00", rate, True, "") == 17982
    assert count_frames("00:00:01:00", Fraction(24000, 1001), True, "") == 24
    with pytest.raises(InputError, match="no timecode of 24"):
        count_frames("00:00:01:24", Fraction(24), False, "reel.edl")


def timeline(rate: float) -> otio.schema.Timeline:
    def span(seconds: float) -> otio.opentime.TimeRange:
        time = otio.opentime.RationalTime
        return otio.opentime.TimeRange(time(0, rate), time(seconds * rate, rate))

    clip, track = otio.schema.Clip, otio.schema.Track(kind="Video")
    track.append(clip("a", source_range=span(1)))
    track.append(otio.schema.Gap(source_range=span(0.5)))
    track.append(clip("b", source_range=span(2)))
    fade = otio.opentime.RationalTime(rate / 8, rate)
    track.append(otio.schema.Transition("", "SMPTE_Dissolve", fade, fade))
    track.append(clip("c", source_range=span(1)))
    made = otio.schema.Timeline("reel")
    made.tracks.append(otio.schema.Track(kind="Audio"))
    made.tracks.append(track)
    return made


@pytest.mark.parametrize("rate", [24.0, 48.0])
def test_a_timeline(tmp_path: Path, rate: float) -> None:
    path = str(tmp_path / "reel.otio")
    otio.adapters.write_to_file(timeline(rate), path)
    assert load_cuts(path, 0, Fraction(24)) == ((24, 36), ((81, 86),))


def test_what_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "reel.edl"
    with pytest.raises(InputError, match=r"cannot read .*reel.edl"):
        load_cuts(str(path), 1, Fraction(24))
    path.write_text("TITLE: nothing\n")
    with pytest.raises(InputError, match="no picture event"):
        load_cuts(str(path), 1, Fraction(24))
    with pytest.raises(UsageError, match="--fps"):
        load_cuts(str(path), 1, None)
    (tmp_path / "bad.otio").write_text("{")
    with pytest.raises(InputError, match=r"bad.otio"):
        load_cuts(str(tmp_path / "bad.otio"), 1, Fraction(24))
    assert names_file("Reel.EDL") and names_file("a/b.otio") and not names_file("1010,1050")

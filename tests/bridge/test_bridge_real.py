"""Does the bridge get from the real worker what it asks for, also when that worker is killed?"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import numpy as np
import pytest
from test_bridge_faults import SOON, picture

from bits import assert_holds

pytest.importorskip("retempo.cli.serve", reason="`retempo serve` is not there yet")

DEPTHS = {
    "byte": (np.uint8, 255),
    "short": (np.uint16, 65535),
    "half": (np.float16, 0),
    "float": (np.float32, 0),
}


@pytest.fixture
def real(bridge):
    """The bridge with the worker of this environment; one may take long to start on a busy machine."""
    bridge.environment["RETEMPO_PYTHON"] = sys.executable
    yield bridge
    bridge.run("status", stop=1)


def as_host(pixels: np.ndarray, depth: str) -> np.ndarray:
    """What a host of that depth holds of the driver's picture."""
    kind, most = DEPTHS[depth]
    return (
        (np.clip(pixels, 0, 1) * np.float32(most) + np.float32(0.5)).astype(kind)
        if most
        else pixels.astype(kind)
    )


def status(bridge) -> dict:
    (line,) = bridge.run("status")
    return json.loads(line["status"])


def test_whole_times_give_the_frame_itself(real) -> None:
    out = real.folder / "out"
    for depth, channels, negative in [
        ("float", 4, 0),
        ("float", 1, 1),
        ("half", 4, 1),
        ("short", 3, 0),
        ("byte", 4, 1),
    ]:
        (line,) = real.render(
            time=1, frames="1", depth=depth, channels=channels, negative=negative, x=-7, y=3, out=out
        )
        assert line["ok"], line
        assert_holds(out, as_host(picture(1, channels=channels), depth))


def test_between_frames_rows_and_origin_do_not_matter(real) -> None:
    results = []
    for values in ({}, {"negative": 1}, {"x": -9, "y": 4}):
        out = real.folder / f"out{len(results)}"
        (line,) = real.render(time=0.25, width=96, height=54, setting="flow:dis:fast", out=out, **values)
        assert line["ok"], line
        results.append(out.read_bytes())
    assert results[1:] == results[:1] * 2
    whole = np.frombuffer(results[0], np.float32).reshape(54, 96, 4)
    assert np.abs(whole - picture(0, 96, 54)).max() > 0


def test_part_of_the_picture_is_that_part(real) -> None:
    for name, values in (("whole", {}), ("part", {"window": "10,20,60,50"})):
        (line,) = real.render(
            time=0.5, width=96, height=54, setting="engine:blend", out=real.folder / name, **values
        )
        assert line["ok"], line
    whole, part = (np.frombuffer((real.folder / one).read_bytes(), np.float32) for one in ("whole", "part"))
    whole, part = whole.reshape(54, 96, 4), part.reshape(54, 96, 4)
    np.testing.assert_array_equal(part[4:34, 10:60], whole[4:34, 10:60])
    np.testing.assert_array_equal(
        part[:4], picture(1000, 96, 54)[:4]
    )  # the rest of the host's picture is as it was


def test_second_visit_sends_nothing_and_finds_no_motion(real) -> None:
    first, second, third = real.render(time=0.25, step=0.25, repeat=3, width=96, height=54)
    assert (first["motion"], first["frames_sent"]) == (1, 2)
    assert [(line["motion"], line["frames_sent"]) for line in (second, third)] == [(2, 0)] * 2
    (again,) = real.render(time=0.3, width=96, height=54)  # another host, the same frames: it cannot know
    assert (again["motion"], again["frames_sent"]) == (2, 2)
    assert status(real)["flows_computed"] == 1


def test_large_pictures_cross_past_the_caches(real) -> None:
    out = real.folder / "out"
    for values in ({}, {"negative": 1, "x": 3}):
        size = {"width": 1024, "height": 600}  # from the second render on, the memory is mapped
        lines = real.render(time=1, frames="1", fresh=1, repeat=3, out=out, **size, **values)
        assert [line["frames_sent"] for line in lines] == [1, 1, 1]
        assert_holds(out, picture(21, **size))


def test_named_frames_are_not_looked_at_again(real) -> None:
    out = real.folder / "out"
    lines = real.render(time=1, frames="1", identity=1, fresh=1, repeat=3, out=out)
    assert [line["frames_sent"] for line in lines] == [1, 1, 1]  # other names
    assert_holds(out, picture(21))
    lines = real.render(time=1, frames="1", identity=1, repeat=3, out=out)
    assert [line["frames_sent"] for line in lines] == [1, 0, 0]
    lines = real.render(time=1, frames="1", identity=1, liar=1, fresh=1, repeat=2, out=out)
    assert_holds(out, picture(11))  # one name for pictures that are plainly not the same
    lines = real.render(time=1, frames="1", fresh=1, repeat=2, out=out)
    assert_holds(out, picture(11))  # without names pixels count


@pytest.mark.parametrize("repeat", [2, 4])
def test_pixel_that_no_sample_shows_is_seen(real, repeat: int) -> None:
    """The second time the frame is taken for the first and found out; after that it is not guessed any more."""
    out = real.folder / "out"
    size = {"width": 400, "height": 100}
    lines = real.render(time=1, frames="1", nudge=1, repeat=repeat, negative=1, out=out, **size)
    assert [line["frames_sent"] for line in lines] == [1] * repeat
    expected = picture(1, **size)
    expected.view(np.uint8)[-1, -1, -1] ^= repeat - 1
    assert_holds(out, expected)
    asked, until = 0, time.monotonic() + 10
    while asked < repeat + 1 and time.monotonic() < until:  # the one that was abandoned may still be at work
        facts = status(real)
        asked = facts["renders"] + facts["cancelled"]
    assert asked == repeat + 1


def test_unknown_setting_is_refused_in_words(real) -> None:
    line, other = real.render(time=0.5, setting="colour:blue", repeat=2)
    assert (
        line["problem"] == other["problem"] == "worker" and line["code"] == 2 and "colour" in line["message"]
    )


@pytest.mark.parametrize("eager", [0, 1])
def test_memory_shorter_than_declared_is_refused(real, eager: int) -> None:
    (line,) = real.run("short-memory", eager=eager)
    assert "shared memory" in line["failed"]
    assert status(real)["pid"] == line["worker"]  # it lives


def test_eight_threads_render_at_once(real) -> None:
    running = real.start(
        "render", frames="0,1", threads=8, repeat=3, distinct=1, step=0.1, time=0.2, width=96, height=54
    )
    *lines, count = real.finish(running)
    assert len(lines) == 24 and all(line["ok"] for line in lines), lines
    assert len({line["worker"] for line in lines}) == 1
    assert count["fds_after"] == count["fds_before"]


def test_killed_in_mid_frame(real) -> None:
    real.run("status", start=1)
    worker = status(real)["pid"]
    running = real.start("render", frames="0,1", time=0.5, width=1280, height=720, setting="flow:dis")
    until = time.monotonic() + 20
    while not status(real)["busy"] and time.monotonic() < until:
        pass
    os.kill(worker, signal.SIGKILL)
    line, count = real.finish(running)
    assert line["ok"] and line["restarted"] and line["worker"] != worker
    assert count["fds_after"] == count["fds_before"]


def test_stopped_in_mid_frame(real) -> None:
    real.run("status", start=1)
    worker = status(real)["pid"]
    os.kill(worker, signal.SIGSTOP)
    (line,) = real.render(connect_ms=500, width=64, height=36)
    assert line["ok"] and line["worker"] != worker


def test_abort_in_mid_frame(real) -> None:
    real.run("status", start=1)
    for line in real.render(time=0.5, width=1280, height=720, abort_ms=100, repeat=3, step=0.1):
        assert line["ok"] or (line["problem"] == "cancelled" and line["late_ms"] <= 100 + SOON), line


def test_hundred_clients_of_the_real_worker(real) -> None:
    (count,) = real.run("clients", count=100, frames="0,1", setting="engine:nearest")
    assert count["failed"] == 0 and count["fds_last"] == count["fds_first"]
    assert count["fds_after"] == count["fds_before"]

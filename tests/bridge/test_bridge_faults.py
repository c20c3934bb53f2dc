"""What does a host see when the worker dies, hangs, lies or dawdles? A message in time, and no leak."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from bits import assert_holds

SOON = 60.0
"""Milliseconds of slack for a machine that does other things too, on top of what the bridge promises."""


def picture(number: int, width: int = 32, height: int = 18, channels: int = 4) -> np.ndarray:
    """The driver's frame of that number."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    return (((x * 7 + y * 13 + c * 29 + number * 31) % 256 - 64) / 32).astype(np.float32)


def test_result_is_delivered(bridge) -> None:
    bridge.use_fake()
    out = bridge.folder / "out"
    for negative in (0, 1):
        (line,) = bridge.render(negative=negative, x=-3, y=5, out=out)
        assert line["ok"] and line["info"] == "fake" and line["motion"] == 1
        assert_holds(out, picture(0))


@pytest.mark.parametrize("misdeed", ["die", "die-after-frames", "close"])
def test_worker_that_dies_in_mid_frame_is_started_again(bridge, misdeed: str) -> None:
    bridge.use_fake(f"once:{misdeed}")
    out = bridge.folder / "out"
    if misdeed == "close":  # the same worker goes on: the connection broke, not the process
        bridge.use_fake(misdeed)
        (line,) = bridge.render()
        assert line["problem"] == "lost" and len(bridge.pids()) == 1
        return
    (line,) = bridge.render(out=out)
    assert line["ok"] and line["restarted"] and len(bridge.pids()) == 2
    assert_holds(out, picture(0))


def test_worker_that_dies_again_and_again_is_given_up(bridge) -> None:
    bridge.use_fake("die")
    (line,) = bridge.render()
    assert line["problem"] == "lost" and "again" in line["message"] and "server.log" in line["hint"]
    assert len(bridge.pids()) == 2


def test_worker_killed_from_outside_in_mid_frame(bridge) -> None:
    bridge.use_fake("once:slow")
    running = bridge.start("render", frames="0,1", threads=4)
    until = time.monotonic() + 20
    while not bridge.pids() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.5)
    os.kill(bridge.pids()[0], signal.SIGKILL)
    *lines, count = bridge.finish(running)
    assert [line["ok"] and line["restarted"] for line in lines] == [True] * 4, lines
    assert len({line["worker"] for line in lines}) == 1 and len(bridge.pids()) == 2
    assert count["fds_after"] == count["fds_before"]


def test_worker_killed_between_frames_goes_unnoticed(bridge) -> None:
    bridge.use_fake()
    running = bridge.start("render", frames="0,1", repeat=2, pause_ms=700)
    until = time.monotonic() + 20
    while not bridge.pids() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.4)
    os.kill(bridge.pids()[0], signal.SIGKILL)
    first, second, _ = bridge.finish(running)
    assert first["ok"] and second["ok"] and not second["restarted"] and first["worker"] != second["worker"]


@pytest.mark.parametrize("misdeed", ["hang", "half-message"])
def test_worker_that_hangs_is_replaced(bridge, misdeed: str) -> None:
    bridge.use_fake(f"once:{misdeed}")
    (line,) = bridge.render(heartbeat_ms=100, silence_ms=400)
    assert line["ok"] and line["restarted"] and line["elapsed_ms"] > 400
    first, second = bridge.pids()
    assert line["worker"] == second and not bridge.lives(first)


def test_worker_that_does_not_answer_hello_is_replaced(bridge) -> None:
    bridge.use_fake("once:slow")
    (line,) = bridge.render(abort_ms=300)
    os.kill(bridge.pids()[0], signal.SIGSTOP)
    (line,) = bridge.render(connect_ms=300)
    assert line["ok"] and line["worker"] == bridge.pids()[1]
    bridge.use_fake("silent-hello")
    os.kill(bridge.pids()[1], signal.SIGKILL)
    (line,) = bridge.render(start_ms=600)
    assert line["problem"] == "cannot start" and "did not answer" in line["message"]


def test_long_render_is_no_silence(bridge) -> None:
    bridge.use_fake("never")
    (line,) = bridge.render(heartbeat_ms=50, silence_ms=200, deadline_ms=1000)
    assert (
        line["problem"] == "deadline" and len(bridge.pids()) == 1
    )  # it said nothing but PONG for five times 200 ms


def test_deadline_is_honoured(bridge) -> None:
    bridge.use_fake("never")
    lines = bridge.render(deadline_ms=400, repeat=2)
    for line in lines:
        assert line["problem"] == "deadline" and "RETEMPO_RENDER_DEADLINE" in line["hint"]
        assert 400 <= line["elapsed_ms"] <= 500 + SOON
    bridge.environment["RETEMPO_RENDER_DEADLINE"] = "1"
    (line,) = bridge.render()
    assert line["problem"] == "deadline" and 1000 <= line["elapsed_ms"] <= 1100 + SOON


def test_deadline_holds_while_a_worker_is_started(bridge) -> None:
    bridge.use_fake("never-listen")
    (line,) = bridge.render(deadline_ms=300)
    assert line["problem"] == "deadline" and line["elapsed_ms"] <= 400 + SOON


@pytest.mark.parametrize("misdeed", ["slow", "never", "never-listen", "silent-hello", "hang"])
def test_abort_is_honoured_within_100_ms(bridge, misdeed: str) -> None:
    bridge.use_fake(misdeed)
    lines = bridge.render(abort_ms=250, repeat=2)
    for line in lines:
        assert line["problem"] == "cancelled" and line["code"] == 130
        assert 0 <= line["late_ms"] <= 100 + SOON


def test_abort_during_the_copy_is_honoured(bridge) -> None:
    bridge.use_fake()
    bridge.render()
    (line,) = bridge.render(frames="0,1,2,3,4,5,6,7", width=2048, height=1024, abort_ms=5)
    assert line["problem"] == "cancelled" and line["late_ms"] <= 100 + SOON


def test_cancelled_requests_do_not_disturb_the_next(bridge) -> None:
    bridge.use_fake("once:slow")
    running = bridge.start("render", frames="0,1", repeat=5, abort_ms=200)
    *lines, count = bridge.finish(running)
    assert {line["problem"] for line in lines} == {"cancelled"}
    assert count["fds_during"] <= count["fds_before"] + 8 and count["fds_after"] == count["fds_before"]
    assert len(bridge.pids()) == 1


def test_progress_is_told(bridge) -> None:
    bridge.use_fake("brisk")
    (line,) = bridge.render(abort_ms=12000)
    assert line["ok"] and line["progress"] == 10


@pytest.mark.parametrize("misdeed", ["garbage", "long-payload", "garbage-hello", "need-too-much"])
def test_nonsense_is_an_error_and_no_crash(bridge, misdeed: str) -> None:
    bridge.use_fake(misdeed)
    lines = bridge.render(repeat=3)
    assert [line["problem"] for line in lines] == ["protocol"] * 3
    assert all(line["hint"] for line in lines)


def test_connection_closed_at_once(bridge) -> None:
    bridge.use_fake("close-at-once")
    (line,) = bridge.render(start_ms=600)
    assert line["problem"] == "cannot start"


def test_refusal_is_passed_on(bridge) -> None:
    bridge.use_fake("refuse")
    for line in bridge.render(repeat=2):
        assert (line["problem"], line["code"], line["message"], line["hint"]) == (
            "worker", 5, "no such space", "choose another",
        )  # fmt: skip


def test_name_that_stood_for_other_pixels_is_believed_no_more(bridge) -> None:
    """The samples are alike, the worker has forgotten the frame: it is found out when it is sent again."""
    bridge.use_fake("forgetful")
    out = bridge.folder / "out"
    size = {"width": 400, "height": 100}
    *lines, last = bridge.render(
        frames="1", identity=1, liar=1, nudge=1, repeat=4, negative=1, out=out, **size
    )
    assert [line["ok"] for line in [*lines, last]] == [True] * 4
    expected = picture(1, **size)
    expected.view(np.uint8)[-1, -1, -1] ^= 3
    assert_holds(out, expected)


def test_guess_that_the_worker_has_forgotten_is_sent(bridge) -> None:
    bridge.use_fake("forgetful")
    out = bridge.folder / "out"
    lines = bridge.render(repeat=3, out=out)
    assert [line["frames_sent"] for line in lines] == [2, 2, 2]
    assert_holds(out, picture(0))


def test_eight_threads_get_each_their_own_picture(bridge) -> None:
    bridge.use_fake()
    running = bridge.start("render", frames="0,1", threads=8, repeat=20, distinct=1, width=200, height=100)
    *lines, count = bridge.finish(running)
    assert len(lines) == 160 and all(line["ok"] for line in lines)
    assert len({line["worker"] for line in lines}) == 1
    assert count["fds_during"] <= count["fds_before"] + 3 * 8  # socket, process, memory of each connection
    assert count["fds_after"] == count["fds_before"]


def test_hundred_clients_leave_nothing(bridge) -> None:
    bridge.use_fake()
    memory = set(os.listdir("/dev/shm"))
    (count,) = bridge.run("clients", count=100, frames="0,1")
    assert count["failed"] == 0
    assert count["fds_last"] == count["fds_first"] and count["fds_after"] == count["fds_before"]
    assert not {name for name in os.listdir("/dev/shm") if name.startswith("rtmp")} - memory
    assert len(bridge.pids()) == 1


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"frames": ""}, "1 to 64 frames"),
        ({"window": "0,0,33,18"}, "not inside"),
        ({"width": 0}, "no size"),
        ({"display": "-1073741824,0,1073741824,1"}, "display"),
        ({"display": "0,0,0,0"}, "display"),
        ({"time": "1e300"}, "source time"),
    ],
)
def test_impossible_request_is_refused_before_anything_starts(bridge, values: dict, what: str) -> None:
    bridge.use_fake()
    lines = bridge.run("render", **({"frames": "0,1"} | values))
    assert lines[0]["problem"] == "request" and what in lines[0]["message"]
    assert not bridge.pids()

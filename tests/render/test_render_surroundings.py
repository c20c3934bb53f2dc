"""Which source frames does a bent path ask for, and is the picture better for it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from plates import Program, planes, write_image
from retempo.cli.main import main
from retempo.errors import UsageError
from retempo.flow.base import Hypothesis
from retempo.flow.dis import DisFlow
from retempo.io.frame import make_layer
from retempo.io.sequence import open_source
from retempo.io.target import open_target
from retempo.render.flow_memory import FlowMemory
from retempo.render.job import open_renderer
from retempo.render.settings import RetimeSettings
from retempo.render.shot import render_shot
from retempo.render.surroundings import surround
from retempo.render.timing import schedule

LINEAR, QUADRATIC = (RetimeSettings(motion=motion) for motion in ("linear", "quadratic"))


@pytest.mark.parametrize(
    ("times", "first", "settings", "expected"),
    [
        ((1, 2, 3, 4), 2, LINEAR, ((1, 2, 3, 4), ((2, 3), (1, 3), (2, 4)), ())),
        ((1, 2, 3, 4), 2, QUADRATIC, ((2, 3), ((2, 3),), ((1, 2), (3, 4)))),
        ((1, 2, 3), 1, QUADRATIC, ((1, 2), ((1, 2),), ((2, 3),))),
        ((1, 2, 3), 2, QUADRATIC, ((2, 3), ((2, 3),), ((1, 2),))),
        ((1, 2), 1, QUADRATIC, ((1, 2), ((1, 2),), ())),
        ((1, 4, 6, 9), 4, QUADRATIC, ((4, 6), ((4, 6),), ((1, 4), (6, 9)))),
        (
            (1, 2, 3, 4), 2, RetimeSettings(motion="quadratic", source_frames=4),
            ((1, 2, 3, 4), ((2, 3), (1, 3), (2, 4)), ((1, 2), (3, 4))),
        ),
    ],
)  # fmt: skip
def test_pairs(times: tuple[int, ...], first: int, settings: RetimeSettings, expected: Any) -> None:
    found = surround(times, first, settings)
    assert (found.times, found.pairs, found.past) == expected


def test_the_last_frame_begins_no_gap() -> None:
    with pytest.raises(UsageError, match="frame 3 is not one of 1, 2, 3"):
        surround((1, 2, 3), 3, QUADRATIC)


def test_phases_of_uneven_frames() -> None:
    still = np.full((4, 4, 2), 1.0, np.float32)
    (pair,) = surround((1, 4, 6, 9), 4, QUADRATIC).ask([DisFlow()], lambda *_: (Hypothesis(still, -still),))
    assert pair.past_i is not None and pair.past_i.phase == -1.5
    assert pair.past_j is not None and pair.past_j.phase == -1.5


def test_a_repeated_frame_says_nothing_of_the_path() -> None:
    def ask(_: Any, one: int, other: int, known: Any) -> tuple[Hypothesis, ...]:
        length = {(1, 2): 0.0, (2, 3): 8.0, (3, 4): 8.0}[one, other]
        flow = np.full((4, 4, 2), length, np.float32)
        return (Hypothesis(flow, -flow),)

    (pair,) = surround((1, 2, 3, 4), 2, QUADRATIC).ask([DisFlow()], ask)
    assert pair.past_i is None and pair.past_j is not None


def test_who_continues_begins_with_the_motion_beside_the_gap() -> None:
    """At its pace, each way from its own side; where nothing is beside, the plain one is asked."""
    asked = []

    def ask(estimator: Any, one: int, other: int, known: Any) -> tuple[Hypothesis, ...]:
        asked.append((estimator.name, one, other, known and [part is not None for part in known]))
        if known:
            for part, pace in zip(known, (8.0, -6.0), strict=True):
                if part is not None:
                    np.testing.assert_allclose(part, pace)
        flow = np.full((4, 4, 2), {(1, 4): 12.0, (4, 6): 9.0, (6, 9): 9.0}[one, other], np.float32)
        return (Hypothesis(flow, -flow),)

    estimators = [DisFlow("fine"), DisFlow("fine", continued=True)]
    plain, onward = (one.name for one in estimators)
    found = surround((1, 4, 6, 9), 4, QUADRATIC).ask(estimators, ask)
    assert [pair.name for pair in found] == [plain, onward]
    assert all(pair.past_i and pair.past_j for pair in found)
    assert asked == [
        (plain, 1, 4, None), (plain, 1, 4, None), (plain, 6, 9, None), (plain, 6, 9, None),
        (plain, 4, 6, None), (onward, 4, 6, [True, True]),
    ]  # fmt: skip
    asked.clear()
    surround((1, 4, 6), 4, QUADRATIC).ask(estimators, ask)
    assert asked[-1] == (onward, 4, 6, [True, False])
    asked.clear()
    surround((4, 6), 4, QUADRATIC).ask(estimators, ask)
    surround((1, 4, 6, 9), 4, LINEAR).ask(estimators[1:], lambda *given: ask(*given[:1], 4, 6, given[3]))
    assert {name for name, *_ in asked} == {plain}


@pytest.fixture(scope="module")
def cloth() -> np.ndarray:
    noise = np.random.default_rng(7).random((192, 480, 3), dtype=np.float32)
    return 6.0 * (cv2.GaussianBlur(noise, (0, 0), 4) - 0.5) + 0.5


def accelerating(cloth: np.ndarray, number: float) -> np.ndarray:
    """A cloth at 4 number^2 pixels: whole ones at half numbers, too."""
    left = 100 - int(4 * number * number)
    return np.ascontiguousarray(cloth[:, left : left + 320])


@pytest.fixture
def plate(tmp_path: Path, cloth: np.ndarray) -> str:
    for number in range(1, 5):
        write_image(tmp_path / "in" / f"a.{number}.exr", make_layer(accelerating(cloth, number), "RGB"))
    return str(tmp_path / "in" / "a.@.exr")


def test_quadratic_motion_follows_what_accelerates(
    retempo: Program, plate: str, cloth: np.ndarray, tmp_path: Path
) -> None:
    errors = {}
    for motion in ("linear", "quadratic"):
        target = tmp_path / motion / "o.@.exr"
        retempo.done("retime", plate, "-o", target, "--motion", motion, "--speed", "1/2")
        made = planes(
            tmp_path / motion / "o.4.exr", "RGB"
        )  # source time 2.5, between frames that have neighbours
        errors[motion] = float(np.sqrt(np.mean((made - accelerating(cloth, 2.5))[16:-16, 48:-48] ** 2)))
    assert errors["quadratic"] < 0.35 * errors["linear"], errors


def test_how_many_frames_are_read_and_the_stamp_knows() -> None:
    assert [RetimeSettings(motion=motion).window for motion in ("linear", "quadratic")] == [2, 4]
    assert RetimeSettings(motion="quadratic", engine="blend").window == 2
    assert RetimeSettings(motion="quadratic", source_frames=6).window == 6
    assert LINEAR.fingerprint() != QUADRATIC.fingerprint()


def test_each_motion_is_estimated_once(plate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    inner = DisFlow.estimate

    def count(self: DisFlow, one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(1)
        return inner(self, one, other)

    monkeypatch.setattr(DisFlow, "estimate", count)
    flags = ["--motion", "quadratic", "--speed", "1/3", "--quiet"]
    assert main(["retime", plate, "-o", str(tmp_path / "o.@.exr"), *flags]) == 0
    assert len(asked) == 3  # of four frames


def test_memory_knows_frames_by_what_they_are(plate: str) -> None:
    source = open_source(plate)
    first, second = source.read(1), source.read(1)
    memory, made = FlowMemory(), iter(range(10))
    assert [memory.recall("a", (first,), lambda: next(made)) for _ in range(2)] == [0, 0]
    assert memory.recall("a", (second,), lambda: next(made)) == 1
    memory.turn()
    assert memory.recall("a", (second,), lambda: next(made)) == 1
    memory.turn()
    memory.turn()
    assert memory.recall("a", (second,), lambda: next(made)) == 2


@pytest.mark.parametrize("motion", ["linear", "quadratic"])
def test_vectors_and_mattes_beside_the_source_are_read_once(
    plate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, motion: str
) -> None:
    for number in range(1, 5):
        still = np.zeros((192, 320, 4), np.float32)
        names = ("forward.u", "forward.v", "backward.u", "backward.v")
        write_image(tmp_path / f"v.{number}.exr", make_layer(still, names))
    vectors = open_source(tmp_path / "v.@.exr")
    reads: list[int] = []
    original = vectors.read
    monkeypatch.setattr(
        vectors, "read", lambda number, *rest: (reads.append(number), original(number, *rest))[1]
    )
    settings = RetimeSettings(speed="1/2", motion=motion, flow="vectors", vectors=str(tmp_path / "v.@.exr"))
    source = open_source(plate)
    target = open_target(tmp_path / "o.@.exr", source=source)
    wanted = schedule(settings, source.frames, source.fps)
    render_shot(source, target, wanted, open_renderer(settings, source), vectors=vectors)
    assert sorted(reads) == [1, 2, 3, 4]

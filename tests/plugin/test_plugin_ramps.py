"""Is an animated speed exact and cheap at the end of a long clip, whoever edits it meanwhile? No worker is needed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import floor
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from host.effect import Instance
from retempo_bundle import find_bundle, open_node

from retempo.retime.curves import Curve
from retempo.retime.time_map import SpeedCurve

LAST = 4000
KEYS = {1: 1.0, 2000: 0.25, 4000: 0.75, 6000: 0.5}
PICTURE = np.zeros((4, 4, 4), np.float32)


@pytest.fixture(scope="module")
def bundle() -> Path:
    return find_bundle()


@pytest.fixture
def node(bundle: Path) -> Iterator[Instance]:
    clip = FrameSequenceClip(lambda time: PICTURE, frame_range=(1, LAST))
    with open_node(bundle, {"Source": clip}, params={"motionPath": "Linear"}, threads=4) as made:
        yield made


@pytest.fixture
def reads(node: Instance) -> Iterator[Callable[[], int]]:
    """How often the speed has been read since this was asked last."""
    speed, counter, seen = node.params["speed"], itertools.count(), [0]
    inner = speed.read

    def read(time: float) -> tuple[object, ...]:
        next(counter)
        return inner(time)

    def count() -> int:
        total = next(counter) - seen[0]
        seen[0] += total + 1
        return total

    speed.read = read
    yield count
    del speed.read


def expected(keys: dict[float, float], time: float) -> list[tuple[float, float]]:
    """The frames that a time is made of, by the program's own curve."""
    curve = Curve.through([(Fraction(at), Fraction(value)) for at, value in sorted(keys.items())])
    shown = SpeedCurve(curve, 1, 1).source_time(time)  # type: ignore[arg-type]
    shown = min(max(shown.limit_denominator(100000), Fraction(1)), Fraction(LAST))  # as doubles are read
    first = floor(shown)
    return [(float(first), float(first + (shown != first)))]


def needed(node: Instance, time: float) -> list[tuple[float, float]]:
    return list(node.frames_needed(time)["Source"])


def test_frames_are_summed_up_once(node: Instance, reads: Callable[[], int]) -> None:
    node.params["speed"].keys(KEYS)
    reads()
    assert needed(node, 3500) == expected(KEYS, 3500)
    assert reads() >= 3500, "somebody has to"
    for time in (3500, 3499, 12, 1, 3400.5, 2000.25):
        assert needed(node, time) == expected(KEYS, time)
        assert reads() < 12
        node.is_identity(time)
        assert reads() < 12
    for time in range(3501, 3600):
        assert needed(node, time) == expected(KEYS, time)
    assert reads() < 99 * 12 + 1000, "a later frame costs what lies between"
    node.params["shutterSamples"].set(8)
    needed(node, 3590)
    assert reads() < 9 * 12


def test_an_edited_curve_counts_at_once(node: Instance) -> None:
    changed = dict(KEYS)
    node.params["speed"].keys(KEYS)
    for at, value in ((1000, 0.5), (1500, 2.0), (3000, 0.125), (1000, 0.75)):
        changed[at] = value
        node.params["speed"].key(at, value)
        for time in (900, 2500, 3900):
            assert needed(node, time) == expected(changed, time)


def test_so_does_one_that_nobody_tells_of(node: Instance) -> None:
    """Where it is another at the first frame, at the frame that is asked for, or half way."""
    node.params["speed"].keys(KEYS)
    needed(node, 3900)
    for at, value in ((1, 0.5), (4000, 0.1), (2000, 0.6)):
        changed = dict(KEYS) | {at: value}
        node.params["speed"].keys(changed, notify=False)
        assert needed(node, 3900) == expected(changed, 3900)
    node.params["speed"].keys(KEYS, notify=False)
    assert needed(node, 3900) == expected(KEYS, 3900)


def test_another_clip_begins_elsewhere(node: Instance) -> None:
    node.params["speed"].keys({1: 0.0, 101: 1.0})
    assert needed(node, 51) == [(13.0, 14.0)]  # 1 + 12.5
    node.change_clip("Source", FrameSequenceClip(lambda time: PICTURE, frame_range=(11, LAST)))
    assert needed(node, 51) == [(23.0, 23.0)]  # 11 + 12.5 - 0.5


def test_expressions_are_asked_every_time(node: Instance, reads: Callable[[], int]) -> None:
    """What they look at may change and nobody says so."""
    pace = [0.5]
    node.params["speed"].animate(lambda time: pace[0] if 100 < time < 110 else 1.0)
    before = needed(node, 1000)
    pace[0] = 0.25
    reads()
    after = needed(node, 1000)
    assert reads() >= 999 and after != before


def test_the_time_domain_ends_with_the_clip(node: Instance, reads: Callable[[], int]) -> None:
    node.params["speed"].keys(KEYS)
    reads()
    domain = node.time_domain()
    assert domain is not None
    first, last = domain
    assert first == 1 and expected(KEYS, last)[0][1] <= LAST
    beyond = SpeedCurve(Curve.through([(Fraction(a), Fraction(b)) for a, b in KEYS.items()]), 1, 1)
    assert beyond.source_time(int(last)) <= LAST < beyond.source_time(int(last) + 1)
    assert reads() > last
    assert node.time_domain() == domain and reads() < 40, "and is not walked through twice"


def test_threads_that_read_while_it_is_edited(node: Instance) -> None:
    """What they have begun to sum up is of a curve that is no more: it must not be kept."""
    done, counts = threading.Event(), [0, 0, 0]

    def look(index: int, time: float) -> None:
        while not done.is_set():
            needed(node, time)
            counts[index] += 1

    threads = [threading.Thread(target=look, args=one) for one in enumerate((100, 700, 1500))]
    for one in threads:
        one.start()
    try:
        for step in (1, 2, 3, 4, 3, 2, 1, 4, 2, 3):
            curve = {1: 1.0, 3000: 0.25 * step}
            node.params["speed"].keys(curve)
            for time in (100, 1500, 900):
                assert needed(node, time) == expected(curve, time)
    finally:
        done.set()
        for one in threads:
            one.join()
    assert min(counts) > 0

"""Do requests with quadratic motion take the same source frames as the program, and remember what neighbours share?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from wire_client import Client, Picture, Refused, ask

from plates import LINEAR, Program, picture, planes, write_image
from retempo.color.pipeline import ColorPipeline
from retempo.flow.dis import DisFlow
from retempo.io.frame import Frame, make_layer
from retempo.render.exposure import list_passes
from retempo.render.frame import FrameRenderer
from retempo.render.settings import RetimeSettings
from retempo.render.steps import contributors, numbers_of
from retempo.retime.cuts import Cuts
from retempo.retime.plan import build_plan
from retempo.retime.shutter import Shutter
from retempo.retime.time_map import ConstantSpeed
from retempo.server.loop import Server
from retempo.server.messages import FlowWork
from retempo.server.parameters import UNSAID
from retempo.server.render_message import How, Instant, Kind, Output, Role
from retempo.server.request_frames import passes_of
from retempo.server.request_settings import read_settings

SETTINGS = {"config": "ocio://cg-config-latest", "input_space": "lin_rec709_scene"}
QUADRATIC = {**SETTINGS, "motion": "quadratic"}
FRAMES = {number: picture(number * (number + 1) / 4) * np.float32(1.37) for number in range(1, 7)}  # type: ignore[arg-type]
"""They move by 1, 2, 3... pixels."""


def given(*numbers: int) -> list[Picture]:
    return [Picture(number, FRAMES[number]) for number in numbers]


def at(*times: str, how: How = How.MOTION) -> tuple[Instant, ...]:
    return tuple(Instant(Fraction(time), how) for time in times)


def by_program(retempo: Program, folder: Path, last: int, *flags: str) -> dict[int, np.ndarray]:
    """Frames 1 to ``last`` retimed by the program, as float files."""
    for number in range(1, last + 1):
        write_image(folder / f"in.{number:04d}.exr", make_layer(FRAMES[number], "RGB", formats="float"))
    out = folder / "out.####.exr"
    retempo.done("retime", folder / "in.####.exr", "-o", out, "--quiet", *LINEAR, *flags)
    return {int(path.name.split(".")[1]): planes(path, "RGB") for path in folder.glob("out.*.exr")}


@pytest.fixture
def estimates(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one with every flow that is estimated in this process."""
    seen: list[int] = []
    inner = DisFlow.estimate

    def counted(self, image0, image1):  # type: ignore[no-untyped-def]
        seen.append(1)
        return inner(self, image0, image1)

    monkeypatch.setattr(DisFlow, "estimate", counted)
    return seen


def test_the_frames_around_a_gap_bend_its_paths_as_in_the_program(
    client: Client, retempo: Program, tmp_path: Path
) -> None:
    expected = by_program(retempo, tmp_path, 5, "--speed", "1/2", "--motion", "quadratic")
    around = {2: (1, 2, 3), 4: (1, 2, 3, 4), 6: (2, 3, 4, 5), 8: (3, 4, 5)}
    for output, numbers in around.items():
        made, _ = client.render(1 + Fraction(output - 1, 2), given(*numbers), QUADRATIC)
        np.testing.assert_array_equal(made, expected[output], f"frame {output}")
        straight, _ = client.render(
            1 + Fraction(output - 1, 2), given(*numbers), {**SETTINGS, "motion": "linear"}
        )
        assert not np.array_equal(made, straight)


@pytest.mark.parametrize(
    "flow", ["dis:fast,continued=1", "dis:fast+dis:fast,continued=1", "dis:fast,continued=1+dis:coarse"]
)
def test_a_search_that_continues_is_that_of_the_program(
    client: Client, retempo: Program, tmp_path: Path, flow: str
) -> None:
    """It begins with flows that are remembered; the frames of a gap alone, or one beside it, will do."""
    expected = by_program(retempo, tmp_path, 5, "--speed", "1/2", "--flow", flow)
    settings = {**QUADRATIC, "flow": flow}
    for output, numbers in {4: (1, 2, 3, 4), 2: (1, 2, 3), 8: (3, 4, 5), 6: (2, 3, 4, 5)}.items():
        made, done = client.render(1 + Fraction(output - 1, 2), given(*numbers), settings)
        np.testing.assert_array_equal(made, expected[output], f"frame {output}")
        assert done.flow == FlowWork.COMPUTED
    again, done = client.render("5/2", given(1, 2, 3, 4), settings)
    np.testing.assert_array_equal(again, expected[4])
    assert done.flow == FlowWork.CACHED
    if flow.count("fast") == 1:
        two, _ = client.render("7/2", given(3, 4), settings)
        plain = {**settings, "flow": flow.replace(",continued=1", "")}
        np.testing.assert_array_equal(two, client.render("7/2", given(3, 4), plain)[0], "nothing beside it")


def test_more_frames_than_are_needed_do_no_harm(client: Client) -> None:
    few, _ = client.render("7/2", given(2, 3, 4, 5), QUADRATIC)
    many, done = client.render("7/2", given(1, 2, 3, 4, 5, 6), QUADRATIC)
    np.testing.assert_array_equal(many, few)
    assert done.flow == FlowWork.CACHED


def test_a_request_that_does_not_say_moves_straight(client: Client) -> None:
    """Whatever the settings' default is."""
    assert read_settings({}).motion == "linear" and UNSAID == {"motion": "linear"}
    two, _ = client.render("7/2", given(3, 4), {**SETTINGS, "motion": "linear"})
    four, done = client.render("7/2", given(2, 3, 4, 5), SETTINGS)
    np.testing.assert_array_equal(four, two)
    assert done.flow == FlowWork.CACHED
    quadratic, _ = client.render("7/2", given(3, 4), QUADRATIC)
    np.testing.assert_array_equal(quadratic, two, "two frames know of no other")


def test_no_instant_looks_past_a_cut(client: Client, retempo: Program, tmp_path: Path) -> None:
    """The frame behind the cut has come along to be mixed in."""
    flags = ("--speed", "1", "--output-range", "3", "--motion", "quadratic", "--shutter-samples", "4")
    cut = ("--shutter-angle", "720", "--cuts", "4", "--at-cut", "cross-fade")
    expected = by_program(retempo, tmp_path, 5, *flags, *cut)[3]
    instants = at("9/4", "11/4") + at("13/4", "15/4", how=How.FADE)
    made, _ = client.render(3, given(1, 2, 3, 4), {**QUADRATIC, "cuts": "4"}, instants=instants)
    np.testing.assert_array_equal(made, expected)
    across, _ = client.render(3, given(1, 2, 3, 4), QUADRATIC, instants=instants)
    assert not np.array_equal(across, made), "where nobody says that there is a cut"


def test_both_gaps_of_three_frames_in_one_request(client: Client, retempo: Program, tmp_path: Path) -> None:
    """The same frames, prepared for either gap."""
    flags = ("--speed", "1", "--output-range", "2", "--motion", "quadratic")
    expected = by_program(retempo, tmp_path, 3, *flags, "--shutter-samples", "2", "--shutter-angle", "360")[2]
    made, _ = client.render(2, given(1, 2, 3), QUADRATIC, instants=at("7/4", "9/4"))
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize("seed", range(40))
def test_passes_are_those_of_the_program(seed: int) -> None:
    """Random speeds, shutters and cuts; the table holds what the program reads, in one for all instants."""
    rng = np.random.default_rng(seed)
    shot = range(1, int(rng.integers(3, 10)))
    cuts = Cuts.of(
        map(int, rng.integers(1, 9, int(rng.integers(0, 3)))), str(rng.choice(["hold", "cross-fade"]))
    )
    settings = RetimeSettings(
        motion=str(rng.choice(["linear", "quadratic"])),
        source_frames=int(rng.choice([2, 2, 4])),
        cuts=",".join(map(str, cuts.frames)),
    )
    plan = build_plan(
        ConstantSpeed(
            str(rng.choice(["-5", "-1", "-3/8", "1/4", "7/8", "3/2", "6"])), int(rng.integers(1, 9)), 1
        ),
        (1, 12),
        shot,
        outside=str(rng.choice(["hold", "loop", "bounce", "black"])),  # type: ignore[arg-type]
        shutter=Shutter.of(int(rng.choice([1, 3, 4])), float(rng.choice([180, 720])), "centred", 0.0),
        cuts=cuts,
    )
    compared = 0
    for entry in plan.entries:
        if all(one.kind == "black" for one in entry.moments):
            continue
        passes = list_passes(entry, lambda one: contributors(one, shot, settings.window, cuts))
        ways = {"fade": How.FADE, "black": How.BLACK}
        instants = tuple(Instant(one.source_time, ways.get(one.kind, How.MOTION)) for one in entry.moments)
        table = [Picture(number, np.zeros((2, 2, 3), np.float32)) for number in numbers_of(passes)]
        message = ask(entry.source_time, table, instants=instants)
        found = passes_of(message, settings)
        assert found == passes, entry
        compared += 1
        if len(instants) == 1 and passes[0].kind == "between":
            (alone,) = passes_of(ask(entry.source_time, table), settings)
            assert alone == passes[0]
    assert compared


def test_neighbouring_gaps_share_their_motion(client: Client, estimates: list[int]) -> None:
    """Three gaps ask for the motion between two frames, and so does the vectors effect."""

    def computed(time: str, *numbers: int, **changes: object) -> tuple[int, FlowWork]:
        before = len(estimates)
        _, done = client.render(time, given(*numbers), QUADRATIC, **changes)  # type: ignore[arg-type]
        return len(estimates) - before, done.flow

    assert computed("7/2", 2, 3, 4, 5) == (3, FlowWork.COMPUTED)
    assert computed("13/4", 2, 3, 4, 5) == (0, FlowWork.CACHED), "another instant"
    assert computed("9/2", 3, 4, 5, 6) == (1, FlowWork.COMPUTED), "the next gap"
    assert computed("5/2", 1, 2, 3, 4) == (1, FlowWork.COMPUTED), "the one before"
    assert computed("3/2", 1, 2, 3) == (0, FlowWork.CACHED), "the end of the shot"
    assert computed("11/2", 4, 5, 6) == (0, FlowWork.CACHED), "the other end"
    assert computed("7/2", 2, 3, 4, 5) == (0, FlowWork.CACHED), "a second visit"
    vectors = {"kind": Kind.VECTORS, "output": Output.VECTORS, "channels": 4}
    assert computed("3", 2, 3, 4, **vectors) == (0, FlowWork.CACHED)
    assert computed("7/2", 3, 4) == (0, FlowWork.CACHED), "an in-between"
    assert len(estimates) == 5 and client.sent == [2, 3, 4, 5, 6, 1]


def test_a_motion_is_estimated_once_though_gaps_are_rendered_at_once(
    serve: Callable[..., Server], folder: Path, estimates: list[int]
) -> None:
    serve(workers=4)
    gaps = {"3/2": (1, 2, 3), "5/2": (1, 2, 3, 4), "7/2": (2, 3, 4, 5), "9/2": (3, 4, 5)}
    made: dict[str, np.ndarray] = {}
    start = threading.Barrier(len(gaps))

    def render(time: str, numbers: tuple[int, ...]) -> None:
        with Client(folder) as one:
            start.wait(10)
            made[time] = one.render(time, given(*numbers), QUADRATIC)[0]

    threads = [threading.Thread(target=render, args=one) for one in gaps.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(estimates) == 4 and set(made) == set(gaps)
    with Client(folder) as one:
        for time, numbers in gaps.items():
            np.testing.assert_array_equal(one.render(time, given(*numbers), QUADRATIC)[0], made[time])


@pytest.mark.parametrize("output", [Output.CONFIDENCE, Output.OCCLUSION])
def test_trust_is_that_of_the_curved_paths(client: Client, output: Output) -> None:
    made, _ = client.render("13/4", given(2, 3, 4, 5), QUADRATIC, output=output, channels=1)
    settings = read_settings(QUADRATIC)
    renderer = FrameRenderer(settings, ColorPipeline(settings.config, settings.input_space))
    frames = {
        number: Frame([make_layer(FRAMES[number], "RGB", formats="float")], one.window, Path("x"))
        for number in (2, 3, 4, 5)
        for one in given(number)
    }
    view = renderer.prepare(frames, first=3).views[0]
    assert view.motion is not None
    known = view.motion.render(view.pixels, Fraction(13, 4))
    expected = known.confidence if output == Output.CONFIDENCE else known.hole
    np.testing.assert_array_equal(made[..., 0], np.asarray(expected, np.float32))


def test_vectors_are_needed_of_every_frame_that_is_looked_at(client: Client) -> None:
    chosen = {**QUADRATIC, "flow": "vectors"}
    motion = [Picture(number, np.zeros((36, 64, 4), np.float32), Role.VECTORS) for number in (2, 3, 4, 5)]
    instants = at("13/4", "7/2")
    client.render("7/2", [*given(2, 3, 4, 5), *motion], chosen, instants=instants)
    with pytest.raises(Refused, match="no vectors for frame 5"):
        client.render("7/2", [*given(2, 3, 4, 5), *motion[:3]], chosen, instants=instants)
    apart = {**chosen, "cuts": "5"}
    client.render("7/2", [*given(2, 3, 4, 5), *motion[:3]], apart, instants=instants)


@pytest.mark.parametrize(
    ("cuts", "text"), [("4", "lies across a cut"), ("auto", "--cuts is 'auto'"), ("3 4", "--cuts is '3 4'")]
)
def test_cuts_that_do_not_go_with_the_request(client: Client, cuts: str, text: str) -> None:
    with pytest.raises(Refused, match=text) as refused:
        client.render("7/2", given(2, 3, 4, 5), {**QUADRATIC, "cuts": cuts})
    assert refused.value.failed.code == 2 and not refused.value.failed.closing and client.sent == []

"""Does a shot of any size, shape and kind go through, read once, in order, with nothing left open when it fails?"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plates import (
    Program,
    assert_same_pixels,
    copy_plate,
    make_shot,
    names,
    numbers,
    picture,
    planes,
    raw,
    write_image,
)
from retempo.errors import OutputError
from retempo.io.frame import Frame, Window, make_layer
from retempo.io.sequence import open_source
from retempo.io.target import open_target
from retempo.io.writer import write_frame
from retempo.render.canvas import guide_of
from retempo.render.job import open_renderer
from retempo.render.queues import FrameReader
from retempo.render.settings import RetimeSettings
from retempo.render.shot import render_shot
from retempo.render.steps import list_steps
from retempo.render.strip_plan import StripPlan
from retempo.render.strips import render_in_strips
from retempo.render.timing import schedule

FAST = ("--flow", "dis:fast")

# --------------------------------------------------------------------------------------------- sizes and contents


@pytest.mark.parametrize("flow", ["dis", "dis:ultrafast", "dis+dis:coarse"])
@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (1, 9), (2, 2), (5, 3), (8, 8), (13, 7), (31, 4), (40, 1)]
)
def test_tiny_frames(retempo: Program, tmp_path: Path, width: int, height: int, flow: str) -> None:
    for number in (1, 2):
        layer = make_layer(picture(number, width, height), "RGB")
        write_image(tmp_path / "in" / f"a.{number}.exr", layer)
    flags = ("--flow", flow, "--speed", "1/3")
    retempo.done("retime", tmp_path / "in" / "a.@.exr", "-o", tmp_path / "out" / "o.@.exr", *flags)
    assert numbers(tmp_path / "out") == [1, 2, 3, 4]
    low, high = min(picture(1, width, height).min(), picture(2, width, height).min()), 1.5
    for output in (2, 3):
        made = planes(tmp_path / "out" / f"o.{output}.exr", "RGB")
        assert made.shape == (height, width, 3) and np.isfinite(made).all()
        assert made.min() >= low - 0.01 and made.max() <= high


@pytest.mark.parametrize(
    ("channels", "role"),
    [(("Y",), "grey"), (("Y", "A"), "grey"), (("Z",), "depth alone"), (("mask",), "data alone"),
     (("diffuse.R", "diffuse.G", "diffuse.B", "specular.R", "specular.G", "specular.B"), "layers"),
     (("ViewLayer.Combined.R", "ViewLayer.Combined.G", "ViewLayer.Combined.B", "ViewLayer.Combined.A"), "Blender")],
)  # fmt: skip
def test_channels_of_every_kind(
    retempo: Program, tmp_path: Path, channels: tuple[str, ...], role: str
) -> None:
    for number in (1, 2):
        pixels = np.concatenate([picture(number)] * 2, 2)[..., : len(channels)]
        write_image(tmp_path / f"a.{number}.exr", make_layer(pixels, channels))
    retempo.done("retime", tmp_path / "a.@.exr", "-o", tmp_path / "out" / "o.@.exr")
    made = planes(tmp_path / "out" / "o.2.exr", channels)
    mixed = sum(planes(tmp_path / f"a.{number}.exr", channels) for number in (1, 2)) / 2
    wanted = np.concatenate([(picture(1.5))] * 2, 2)[..., : len(channels)]  # type: ignore[arg-type]
    inside = (slice(6, -6), slice(8, -8), slice(0, 1))  # the channel that motion is found in
    assert (
        np.abs(made[inside] - wanted[inside]).mean() < 0.5 * np.abs(mixed[inside] - wanted[inside]).mean()
    ), role


def test_ids_alone_say_what_is_missing(retempo: Program, tmp_path: Path) -> None:
    for number in (1, 2):
        ids = np.full((8, 8, 1), number, np.uint32)
        write_image(tmp_path / f"a.{number}.exr", make_layer(None, (), ids=ids, id_names=("id",)))
    outcome = retempo("retime", tmp_path / "a.@.exr", "-o", tmp_path / "out" / "o.@.exr")
    assert outcome.code == 3 and "no channels to find motion in" in outcome.err
    report = retempo.done("retime", tmp_path / "a.@.exr", "-o", tmp_path / "out" / "o.@.exr", "--speed", "1")
    assert report["copied"] == [1, 2], "copies need no motion"


@pytest.mark.parametrize(
    ("extension", "depth"), [("png", "uint8"), ("png", "uint16"), ("tif", "uint16"), ("dpx", "uint10")]
)
def test_integer_pictures_keep_their_codes(
    retempo: Program, tmp_path: Path, extension: str, depth: str
) -> None:
    channels = "RGBA" if extension == "png" else "RGB"
    for number in (1, 2):
        pixels = picture(number)
        if channels == "RGBA":
            pixels = np.concatenate([pixels, np.ones_like(pixels[..., :1])], 2)
        layer = make_layer(pixels, channels, formats=depth)
        write_frame(
            tmp_path / f"a.{number}.{extension}", Frame([layer], layer.window, Path("m"), ""), depth=depth
        )
    flags = ("-o", tmp_path / "out" / f"o.@.{extension}", *FAST)
    retempo.done("retime", tmp_path / f"a.@.{extension}", *flags)
    source, made = (
        open_source(tmp_path / f"a.@.{extension}"),
        open_source(tmp_path / "out" / f"o.@.{extension}"),
    )
    for output, number in ((1, 1), (3, 2)):
        np.testing.assert_array_equal(made.read(output).main().pixels, source.read(number).main().pixels)
    assert made.header(2).main().formats == source.header(1).main().formats


@pytest.mark.parametrize("name", ["with space", "ümläut", "100%", "a+b,c=d", "[x]{y}"])
def test_names_of_folders(retempo: Program, plate: Path, tmp_path: Path, name: str) -> None:
    source = copy_plate(plate, tmp_path / name / "in", (1001, 1002))
    outcome = retempo("retime", source, "-o", tmp_path / name / "out" / "o.####.exr", *FAST)
    assert outcome.code == 0 and numbers(tmp_path / name / "out") == [1001, 1002, 1003]


def test_negative_frame_numbers(retempo: Program, tmp_path: Path) -> None:
    for number in (-2, -1, 0, 1):
        write_image(tmp_path / "in" / f"a.{number:04d}.exr", make_layer(picture(number), "RGB"))
    flags = ("--output-range", "-2-0", "--speed", "1", *FAST)
    report = retempo.done(
        "retime", tmp_path / "in" / "a.####.exr", "-o", tmp_path / "out" / "o.####.exr", *flags
    )
    assert report["written"] == [-2, -1, 0]
    assert_same_pixels(tmp_path / "in" / "a.-002.exr", tmp_path / "out" / "o.-002.exr")


def test_every_second_frame_dropped_and_rebuilt(retempo: Program, plate: Path, tmp_path: Path) -> None:
    flags = ("--frames", "1001-1005x2", "--speed", "1", *FAST)
    arguments = ("retime", plate / "plate.####.exr", "-o", tmp_path / "o.####.exr", *flags)
    outcome = retempo(*arguments)
    assert outcome.code == 3 and "plate.1002.exr (left out by --frames)" in outcome.err
    report = retempo.done(*arguments, "--on-missing", "interpolate")
    assert report["copied"] == [1001, 1003, 1005] and report["pairs"] == 2
    assert numbers(tmp_path) == [1001, 1002, 1003, 1004, 1005]


def test_second_sequence_of_vectors(retempo: Program, plate: Path, tmp_path: Path) -> None:
    """Vectors from elsewhere give the bits that the same vectors in the file give."""
    vectors = copy_plate(plate, tmp_path / "v")
    for name, flags in (("own", ()), ("other", ("--vectors", vectors))):
        out = tmp_path / name / "o.####.exr"
        retempo.done("retime", plate / "plate.####.exr", "-o", out, "--flow", "vectors", *flags)
    for output in range(1001, 1010):
        assert_same_pixels(tmp_path / "own" / f"o.{output}.exr", tmp_path / "other" / f"o.{output}.exr")
    (tmp_path / "v" / "plate.1003.exr").unlink()
    arguments = ("-o", tmp_path / "gap" / "o.####.exr", "--flow", "vectors", "--vectors", vectors)
    outcome = retempo("retime", plate / "plate.####.exr", *arguments)
    assert outcome.code == 3 and "plate.1003.exr" in outcome.err and str(tmp_path / "v") in outcome.err


def test_vectors_that_are_no_numbers(retempo: Program, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    for number in (1, 2):
        motion = np.full((36, 64, 2), (2.0, 0.0), np.float32)
        motion[rng.random((36, 64)) < 0.2] = np.nan, np.inf
        pixels = np.concatenate([picture(number), motion], 2)
        write_image(
            tmp_path / f"a.{number}.exr", make_layer(pixels, ("R", "G", "B", "forward.u", "forward.v"))
        )
    retempo.done("retime", tmp_path / "a.@.exr", "-o", tmp_path / "out" / "o.@.exr", "--flow", "vectors")
    assert np.isfinite(planes(tmp_path / "out" / "o.2.exr", "RGB")).all()


def test_layer_that_flow_is_estimated_on(retempo: Program, tmp_path: Path) -> None:
    """The first layer stands still, the second moves: which of them drives the motion is seen in a third."""
    channels = [f"{layer}.{one}" for layer in ("still", "moving", "third") for one in "RGB"]
    for number in (1, 2):
        pixels = np.concatenate([picture(0), picture(number), picture(number)], 2)
        write_image(tmp_path / f"a.{number}.exr", make_layer(pixels, channels))
    for layer in ("still", "moving"):
        flags = ("-o", tmp_path / layer / "o.@.exr", "--flow-layer", layer)
        retempo.done("retime", tmp_path / "a.@.exr", *flags)
    third = channels[6:]
    inside = (slice(6, -6), slice(8, -8))
    wanted = picture(1.5)[inside]  # type: ignore[arg-type]
    errors = [
        np.abs(planes(tmp_path / layer / "o.2.exr", third)[inside] - wanted).mean()
        for layer in ("still", "moving")
    ]
    assert errors[1] < 0.3 * errors[0]


def test_views_move_by_their_own_flow(retempo: Program, tmp_path: Path) -> None:
    display = Window(0, 0, 64, 36)
    for number in (1, 2):
        left = make_layer(picture(number), "RGB", name="left", view="left", display=display)
        right = make_layer(picture(-number), "RGB", name="right", view="right", display=display)
        write_image(tmp_path / f"a.{number}.exr", left, right)
    retempo.done("retime", tmp_path / "a.@.exr", "-o", tmp_path / "out" / "o.@.exr")
    inside = (slice(6, -6), slice(8, -8))
    for part, at in ((0, 1.5), (1, -1.5)):
        made = planes(tmp_path / "out" / "o.2.exr", "RGB", part)
        mixed = sum(planes(tmp_path / f"a.{number}.exr", "RGB", part) for number in (1, 2)) / 2
        error, blurred = (np.abs(one[inside] - picture(at)[inside]).mean() for one in (made, mixed))  # type: ignore[arg-type]
        assert error < 0.5 * blurred


# ------------------------------------------------------------------------------------------------- the machinery


def shot(tmp_path: Path, **values: Any) -> tuple[Any, Any, Any, Any]:
    """Source, target, schedule and renderer of three small frames."""
    chosen = RetimeSettings(flow="dis:ultrafast", **values)
    source = open_source(make_shot(tmp_path / "in", (1, 2, 3)))
    target = open_target(tmp_path / "out" / "o.####.exr", source=source)
    return source, target, schedule(chosen, source.frames, source.fps), open_renderer(chosen, source)


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    report = render_shot(*shot(tmp_path), progress=lambda *told: seen.append(told))
    assert [told[:2] for told in seen] == [(one, 5) for one in range(1, 6)] and "5" in seen[-1][2]
    assert report.written == [1, 2, 3, 4, 5] and report.copied == [1, 3, 5]


@pytest.mark.parametrize("broken", ["write", "read", "progress"])
def test_a_failure_anywhere_ends_the_shot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The first error comes out, no thread lives on, no hidden file stays, finished frames are whole."""
    source, target, wanted, renderer = shot(tmp_path)
    threads = threading.active_count()

    def fail(*_: object, **__: object) -> None:
        raise OutputError("the very error", "a hint")

    def fail_at_three(number: int, *rest: Any) -> None:
        if number == 3:
            fail()
        return original(number, *rest)

    if broken == "write":
        original = target.write
        monkeypatch.setattr(target, "write", fail_at_three)
    elif broken == "read":
        original = source.read
        monkeypatch.setattr(source, "read", fail_at_three)
    with pytest.raises(OutputError, match="the very error"):
        render_shot(source, target, wanted, renderer, progress=fail if broken == "progress" else None)
    assert threading.active_count() == threads
    assert all(not name.startswith(".") for name in names(tmp_path / "out"))
    for path in (tmp_path / "out").iterdir():
        raw(path)


def test_each_pair_is_prepared_once_and_each_frame_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, wanted, renderer = shot(tmp_path, speed="1/8")
    reads: list[int] = []
    original = source.read
    monkeypatch.setattr(
        source, "read", lambda number, *rest: (reads.append(number), original(number, *rest))[1]
    )
    report = render_shot(source, target, wanted, renderer)
    assert report.pairs == 2 and sorted(reads) == [1, 2, 3]


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(
        st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True).map(sorted).map(tuple), max_size=12
    ),
    ahead=st.integers(0, 3),
)
def test_reading_ahead_gives_every_step_its_frames(steps: list[tuple[int, ...]], ahead: int) -> None:
    """Whatever the order of frames; and never holds more than the frames of the largest step and those ahead."""
    lock, most = threading.Lock(), 0
    largest = max(map(len, steps), default=0)
    reader: FrameReader

    def read(number: int) -> Any:
        return number

    reader = FrameReader(read, steps, ahead)
    try:
        for position, step in enumerate(steps):
            taken = reader.take(position)
            assert taken == {number: number for number in step}
            with lock:
                most = max(most, len(reader._held) - largest)
    finally:
        reader.close()
    assert most <= ahead


# ------------------------------------------------------------------------------------------- four source frames


class Listening:
    """Flow of ``picture``, which moves two pixels a frame; remembers between which frames it was asked for."""

    name = "listening"

    def __init__(self, guides: dict[bytes, int]) -> None:
        self.guides = guides
        self.asked: list[tuple[int, int]] = []

    def estimate(self, image0: np.ndarray, image1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first, second = (
            self.guides.setdefault(one.tobytes(), len(self.guides) + 1) for one in (image0, image1)
        )
        self.asked.append((first, second))
        flow = np.zeros((*image0.shape[:2], 2), np.float32)
        flow[..., 0] = 2 * (second - first)
        return flow, -flow

    def encode(self, image: np.ndarray) -> np.ndarray:
        return image[..., 0]

    estimate_encoded = estimate


@pytest.mark.parametrize("strips", [False, True])
@pytest.mark.parametrize(
    ("count", "frames", "expected"),
    [
        (4, 3, [{(1, 2), (1, 3)}, {(2, 3)}]),
        (4, 4, [{(1, 2), (1, 3)}, {(2, 3), (2, 4)}, {(3, 4)}]),
        (8, 4, [{(1, 2), (1, 3), (1, 4)}, {(2, 3), (2, 4)}, {(3, 4), (1, 4)}]),
    ],
)
def test_every_gap_of_a_shot_interpolates_its_motion(
    tmp_path: Path, count: int, frames: int, expected: list[set[tuple[int, int]]], strips: bool
) -> None:
    """The two frames around an output look at each other, the others past it; at the ends of a shot, too.

    What the gap before has asked about is not asked again.
    """
    chosen = RetimeSettings(source_frames=count, speed="1/2", motion="linear")
    source = open_source(str(make_shot(tmp_path / "in", range(1, frames + 1))))
    target = open_target(tmp_path / "o.####.exr", source=source)
    renderer = open_renderer(chosen, source)
    listening = Listening({})
    for number in range(1, frames + 1):
        guide = guide_of(source.read(number), (0,), source.read(number).layers[0].window, renderer.color)
        listening.guides[(listening.encode(guide) if strips else guide).tobytes()] = number
    renderer.estimators = [listening]
    wanted = schedule(chosen, source.frames, source.fps)
    if strips:
        steps = list_steps(source, target, wanted, chosen, None)
        list(render_in_strips(renderer, source, target, None, StripPlan(17, 1.0), steps))
    else:
        assert render_shot(source, target, wanted, renderer).pairs == frames - 1
    asked, begin = [], 0
    for gap in expected:
        asked.append(set(listening.asked[begin : begin + len(gap)]))
        begin += len(gap)
    assert asked == expected and begin == len(listening.asked)
    for gap in range(1, frames):
        made = planes(tmp_path / f"o.{2 * gap:04d}.exr", "RGB")
        np.testing.assert_allclose(made[:, 8:-8], picture(gap + 0.5)[:, 8:-8], atol=0.04)

"""Is a blurred frame the mean of its instants, in linear light, made once a pair, whatever the memory?"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bits import assert_same_bits
from plates import Program, assert_same_pixels, numbers, picture, planes, raw, write_image
from retempo.io.frame import Frame, Window, make_layer
from retempo.io.sequence import open_source
from retempo.io.target import open_target
from retempo.metrics.quality import psnr
from retempo.render.exposure import Pass, thin
from retempo.render.job import open_renderer
from retempo.render.settings import RetimeSettings
from retempo.render.shot import render_shot
from retempo.render.steps import list_steps
from retempo.render.strip_plan import StripPlan
from retempo.render.strips import render_in_strips
from retempo.render.timing import schedule

RGBA = ("R", "G", "B", "A")
LINEAR = ("--config", "ocio://cg-config-latest", "--input-space", "lin_rec709_scene", "--quiet")


def write_shot(folder: Path, count: int = 4, first: int = 1) -> Path:
    """RGBA float frames with an id that moves along; 2 pixels a frame."""
    for number in range(first, first + count):
        rgb = picture(number)
        alpha = np.clip(picture(number)[..., :1] * 1.2, 0, 1).astype(np.float32)
        pixels = np.concatenate([rgb * alpha, alpha], 2)
        ids = np.zeros((36, 64, 1), np.uint32) + 7
        ids[10:20, 10 + 2 * number : 20 + 2 * number] = 4_000_000_000
        layer = make_layer(pixels, RGBA, formats="float", ids=ids, id_names=("id",))
        write_image(folder / f"s.{number:04d}.exr", layer)
    return folder / "s.####.exr"


def make(pattern: Path, folder: Path, strips: int = 0, **values: Any) -> list[Frame]:
    """Retime and read back; ``strips`` rows at a time, 0: whole frames."""
    settings = RetimeSettings(input_space="lin_rec709_scene", config="ocio://cg-config-latest", **values)
    source = open_source(pattern)
    outputs = [int(settings.output_range)] if settings.output_range else None
    wanted = schedule(settings, source.frames, source.fps, outputs)
    renderer = open_renderer(settings, source)
    target = open_target(folder / "o.####.exr", overwrite=True, source=source)
    if strips:
        steps = list_steps(source, target, wanted, settings, None)
        done = list(render_in_strips(renderer, source, target, None, StripPlan(strips, 1.0), steps))
        assert len(done) == len(steps)
        target.close()
    else:
        render_shot(source, target, wanted, renderer)
    result = open_source(folder / "o.####.exr")
    return [result.read(number) for number in result.frames]


def instants(pattern: Path, times: Iterable[str]) -> list[np.ndarray]:
    """Pictures at source times, each made by itself."""
    settings = RetimeSettings(
        input_space="lin_rec709_scene", config="ocio://cg-config-latest", motion="linear"
    )
    source = open_source(pattern)
    renderer = open_renderer(settings, source)
    made = []
    for time in map(Fraction, times):
        low = int(time)
        frames = {number: source.read(number) for number in (low, low + 1) if number in source.frames}
        if time == low:
            made.append(frames[low].layers[0].pixels)
        else:
            made.append(renderer.render(renderer.prepare(frames), time).layers[0].pixels)
    return made


def test_a_blurred_frame_is_the_mean_of_its_instants(tmp_path: Path) -> None:
    pattern = write_shot(tmp_path / "in")
    made = make(pattern, tmp_path / "out", speed="1", shutter_samples=5, shutter_angle=360.0, motion="linear")
    times = ["8/5", "9/5", "2", "11/5", "12/5"]  # two pairs, and source frame 2 itself
    expected = np.mean(instants(pattern, times), 0)
    np.testing.assert_allclose(made[1].layers[0].pixels, expected, rtol=0, atol=2e-6)


def test_blur_comes_close_to_what_a_camera_would_have_seen(tmp_path: Path) -> None:
    pattern = write_shot(tmp_path / "in")
    made = make(pattern, tmp_path / "out", speed="1", shutter_samples=16, shutter_angle=360.0)
    inside = (slice(6, -6), slice(10, -10), slice(0, 3))
    rgb = made[1].layers[0].pixels[inside]
    seen = [picture(2 + (2 * k + 1) / 32 - 0.5) for k in range(16)]  # type: ignore[arg-type]
    alpha = [np.clip(one[..., :1] * 1.2, 0, 1) for one in seen]
    truth = np.mean([one * a for one, a in zip(seen, alpha, strict=True)], 0)[inside]
    sharp = open_source(pattern).read(2).layers[0].pixels[inside]
    assert psnr(rgb, truth) > psnr(sharp, truth) + 5


def test_ids_are_those_of_the_middle_instant(tmp_path: Path) -> None:
    pattern = write_shot(tmp_path / "in")
    made = make(pattern, tmp_path / "out", speed="1", shutter_samples=5, shutter_angle=720.0)
    source = open_source(pattern)
    for number, frame in enumerate(made[1:3], 2):
        np.testing.assert_array_equal(frame.layers[0].ids, source.read(number).layers[0].ids)
    even = make(pattern, tmp_path / "even", speed="1", shutter_samples=2, shutter_angle=720.0)
    assert set(np.unique(even[1].layers[0].ids)) == {7, 4_000_000_000}


def test_instants_on_source_frames_need_no_motion(retempo: Program, tmp_path: Path) -> None:
    """Two frames apart: the mean of both, to the last bit, and no flow."""
    pattern = write_shot(tmp_path / "in")
    flags = ("--speed", "1", "--shutter-samples", "2", "--shutter-angle", "720", "--shutter-offset", "custom")
    report = retempo.done(
        "retime", pattern, "-o", tmp_path / "o" / "o.####.exr", *flags, "--shutter-phase", "-180", *LINEAR
    )
    assert report["pairs"] == 0 and report["copied"] == [4], "the last one holds: nothing moves there"
    made = planes(tmp_path / "o" / "o.0002.exr", RGBA)
    both = [planes(tmp_path / "in" / f"s.{number:04d}.exr", RGBA) for number in (2, 3)]
    np.testing.assert_array_equal(made, (both[0] + both[1]) / np.float32(2))
    assert_same_pixels(tmp_path / "o" / "o.0004.exr", tmp_path / "in" / "s.0004.exr")


def test_each_pair_is_prepared_once(retempo: Program, tmp_path: Path) -> None:
    pattern = write_shot(tmp_path / "in", 6)
    for flags, pairs in (
        (("--speed", "1", "--shutter-angle", "720"), 5),
        (("--speed", "1/3"), 5),
        (("--speed", "-1"), 5),
        (("--speed", "3/2", "--shutter-angle", "720"), 5),
    ):
        out = tmp_path / "o" / "o.####.exr"
        report = retempo.done(
            "retime", pattern, "-o", out, *flags, "--shutter-samples", "4", "--overwrite", *LINEAR
        )
        assert report["pairs"] == pairs, flags


@pytest.mark.parametrize("samples", [3, 0])
@pytest.mark.parametrize("rows", [7, 16])
def test_strips_give_the_same_bits(tmp_path: Path, samples: int, rows: int) -> None:
    pattern = write_shot(tmp_path / "in")
    chosen = {"speed": "2/3", "shutter_samples": samples, "shutter_angle": 400.0, "outside": "black"}
    whole = make(pattern, tmp_path / "whole", **chosen)
    cut = make(pattern, tmp_path / "cut", strips=rows, **chosen)
    assert len(whole) == len(cut) == 5
    for one, other in zip(whole, cut, strict=True):
        assert one.layers[0].window == other.layers[0].window
        assert_same_bits(one.layers[0].pixels, other.layers[0].pixels)
        assert_same_bits(one.layers[0].ids, other.layers[0].ids)


def test_the_memory_budget_counts_all_pairs_of_a_frame(retempo: Program, tmp_path: Path) -> None:
    pattern = write_shot(tmp_path / "in")
    flags = ("--speed", "1", "--shutter-samples", "4", "--shutter-angle", "720", *LINEAR)
    report = retempo.done("retime", pattern, "-o", tmp_path / "o" / "o.####.exr", *flags, "--memory", "1500K")
    assert report["strips"] > 0
    outcome = retempo("retime", pattern, "-o", tmp_path / "p" / "o.####.exr", *flags, "--memory", "200K")
    assert outcome.code == 2 and "give --memory at least" in outcome.err


def test_data_windows_grow_to_hold_every_instant(tmp_path: Path) -> None:
    display = Window(0, 0, 64, 36)
    for number, x in ((1, 0), (2, 10), (3, 20)):
        part = np.ascontiguousarray(picture(number)[4:30, x : x + 30])
        layer = make_layer(part, "RGB", window=Window(x, 4, 30, 26), display=display, formats="float")
        write_image(tmp_path / "in" / f"s.{number:04d}.exr", layer)
    for strips in (0, 8):
        made = make(
            tmp_path / "in" / "s.####.exr", tmp_path / f"o{strips}", strips,
            speed="1", shutter_samples=6, shutter_angle=360.0,
        )  # fmt: skip
        assert [frame.layers[0].window for frame in made] == [
            Window(0, 4, 40, 26), Window(0, 4, 50, 26), Window(10, 4, 40, 26),
        ]  # fmt: skip
        assert np.isfinite(made[1].layers[0].pixels).all()


def test_light_is_averaged_not_code_values(retempo: Program, tmp_path: Path) -> None:
    """White and black for half of the time each are half of the light: code value 188 in sRGB, not 128."""
    from retempo.io.writer import write_frame

    for number, value in ((1, 0.0), (2, 1.0)):
        layer = make_layer(np.full((16, 16, 3), value, np.float32), "RGB", formats="uint8")
        write_frame(tmp_path / f"a.{number}.png", Frame([layer], layer.window, Path("m"), ""), depth="uint8")
    flags = ("--shutter-samples", "2", "--shutter-angle", "720", "--shutter-offset", "custom", "--speed", "1")
    retempo.done(
        "retime", tmp_path / "a.@.png", "-o", tmp_path / "o.@.png", *flags, "--shutter-phase", "-180",
        "--config", "ocio://cg-config-latest", "--input-space", "srgb_texture",
    )  # fmt: skip
    made = open_source(tmp_path / "o.@.png").read(1).layers[0].pixels * 255
    assert np.abs(made - 188).max() <= 1


def test_a_highlight_keeps_its_light(tmp_path: Path) -> None:
    """What is 40 times white, and moves by 16 pixels, leaves a bright and even streak of the same sum."""
    motion = np.zeros((36, 128, 4), np.float32) + np.array([16, 0, -16, 0], np.float32)
    channels = ("R", "G", "B", "forward.u", "forward.v", "backward.u", "backward.v")
    for number in range(1, 4):
        rgb = picture(1, 128, 36) * np.float32(0.2)
        rgb[14:18, 16 + 16 * number : 20 + 16 * number] = 40.0
        layer = make_layer(np.concatenate([rgb, motion], 2), channels, formats="float")
        write_image(tmp_path / "in" / f"s.{number:04d}.exr", layer)
    chosen = {"shutter_samples": 32, "shutter_angle": 360.0, "flow": "vectors"}
    made = make(tmp_path / "in" / "s.####.exr", tmp_path / "o", speed="1", **chosen)
    streak = made[1].layers[0].pixels[15:17, :, 0].mean(0)
    light = streak.sum() - made[1].layers[0].pixels[4:6, :, 0].mean(0).sum()
    assert abs(light - 4 * 40) < 4, "as much as the spot had"
    core = streak[46:54]  # 4 pixels wide, 16 long: within is a plateau
    assert core.min() > 8 and np.ptp(core) < 1.0
    assert (np.diff(streak[39:45]) > -0.3).all() and (np.diff(streak[55:61]) < 0.3).all()


def test_black_instants_darken(tmp_path: Path) -> None:
    pattern = write_shot(tmp_path / "in")
    values = {
        "speed": "1",
        "shutter_samples": 2,
        "shutter_angle": 180.0,
        "output_range": "1",
        "motion": "linear",
    }
    dark = make(pattern, tmp_path / "dark", outside="black", **values)[0].layers[0]
    (half,) = instants(pattern, ["9/8"])
    np.testing.assert_allclose(dark.pixels, half / 2, rtol=0, atol=1e-6)
    assert not dark.ids.any(), "the middle instant, of two the first, is black"


def test_resume_knows_the_shutter(retempo: Program, tmp_path: Path) -> None:
    pattern, out = write_shot(tmp_path / "in"), tmp_path / "o" / "o.####.exr"

    def run(*flags: str) -> list[int]:
        report = retempo.done("retime", pattern, "-o", out, "--speed", "1", "--resume", *flags, *LINEAR)
        return list(report["written"])

    everything = [1, 2, 3, 4]
    assert run() == everything
    assert run("--shutter-angle", "90") == [], "without samples it does not matter"
    assert run("--shutter-samples", "4") == everything
    assert run("--shutter-samples", "4") == []
    assert run("--shutter-samples", "4", "--shutter-offset", "custom", "--shutter-phase", "-90") == []
    assert run("--shutter-samples", "4", "--shutter-angle", "200") == everything
    assert run("--shutter-samples", "64", "--shutter-angle", "200") == everything
    assert run("--shutter-samples", "auto", "--shutter-angle", "200") == everything


def test_auto_takes_as_many_instants_as_the_motion_is_long() -> None:
    times = tuple(Fraction(2 * k + 1, 128) for k in range(64))
    one = Pass("between", (0, 1), 0, times, (1.0,) * 64, 31)
    counts = [len(thin(one, speed).times) for speed in (0.0, 4.0, 16.0, 40.0, 1000.0)]
    assert counts == [2, 2, 8, 22, 64]
    few = thin(one, 16.0)
    gaps = {b - a for a, b in zip(few.times, few.times[1:], strict=False)}
    assert len(gaps) == 1 and sum(few.weights) == 64
    assert few.centre is not None and abs(few.times[few.centre] - times[31]) <= gaps.pop() / 2
    assert abs(sum(few.times) / len(few.times) - Fraction(1, 2)) < Fraction(1, 64)
    assert thin(one, None) == one


@pytest.mark.parametrize("engine", ["blend", "nearest"])
def test_other_engines_have_a_shutter_too(retempo: Program, tmp_path: Path, engine: str) -> None:
    pattern = write_shot(tmp_path / "in")
    flags = (
        "--engine",
        engine,
        "--speed",
        "1",
        "--shutter-samples",
        "auto",
        "--shutter-angle",
        "360",
        *LINEAR,
    )
    retempo.done("retime", pattern, "-o", tmp_path / "o" / "o.####.exr", *flags)
    made = planes(tmp_path / "o" / "o.0002.exr", RGBA)
    before, here, after = (planes(tmp_path / "in" / f"s.{number:04d}.exr", RGBA) for number in (1, 2, 3))
    expected = here if engine == "nearest" else (before + after) / 8 + here * 0.75
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_blur_in_movies_and_several_parts(retempo: Program, tmp_path: Path) -> None:
    from retempo.cli.main import main

    main(["sample", str(tmp_path / "p"), "--frames", "1-3", "--size", "96x54", "--json"])
    out = tmp_path / "o" / "o.####.exr"
    retempo.done(
        "retime",
        tmp_path / "p" / "plate.####.exr",
        "-o",
        out,
        "--speed",
        "1",
        "--shutter-samples",
        "3",
        *LINEAR,
    )
    assert numbers(tmp_path / "o") == [1, 2, 3]
    assert set(raw(tmp_path / "o" / "o.0002.exr")) == set(raw(tmp_path / "p" / "plate.0002.exr"))
    flags = ("--speed", "1", "--shutter-samples", "3", "--fps", "24")
    retempo.done("retime", tmp_path / "p" / "plate.####.exr", "-o", tmp_path / "m.mov", *flags, *LINEAR)
    assert len(open_source(tmp_path / "m.mov").frames) == 3

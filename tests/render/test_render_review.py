"""Does a review measure motion as it is, and show frames as they are?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from plates import LINEAR, Program, make_shot
from retempo.cli.main import main
from retempo.color.pipeline import ColorPipeline
from retempo.io.frame import Frame, Window, make_layer
from retempo.io.sequence import open_source
from retempo.render.job import open_renderer
from retempo.render.review_facts import Found, error_of, gap_index, mark_frames, nearest_source
from retempo.render.review_motion import Motion, list_gaps, measure_gaps, nice_length, tell_gap
from retempo.render.review_pictures import Screen, color_of
from retempo.render.settings import RetimeSettings
from retempo.render.timing import schedule
from retempo.report.review import Gap

NAMES = ("flow", "arrows", "trust")


def constant(dx: float, dy: float, height: int = 40, width: int = 60) -> np.ndarray:
    return np.tile(np.array([dx, dy], np.float32), (height, width, 1))


def motion(ahead: np.ndarray, back: np.ndarray) -> Motion:
    return Motion(ahead, back, np.ones(ahead.shape[:2], bool))


def test_flow_that_leads_back_has_no_error_and_flow_that_does_not_has_its_miss() -> None:
    picture = np.full((20, 30, 3), 128, np.uint8)
    good, shown = tell_gap((4, 5), motion(constant(3, 0), constant(-3, 0)), picture, NAMES)
    assert (good.first, good.second) == (4, 5)
    assert good.forward == good.backward == good.high == 0.0
    assert good.longest == 3.0
    assert good.scale == 5.0
    assert 0.0 < good.doubtful <= 0.06  # what leaves the picture
    assert shown.flow.shape == shown.arrows.shape == shown.trust.shape == picture.shape
    bad, _ = tell_gap((4, 5), motion(constant(3, 0), constant(1, 3)), picture, NAMES)
    assert bad.forward == pytest.approx(5.0)  # (3, 0) + (1, 3)
    assert bad.backward == pytest.approx(5.0)
    assert bad.doubtful == 1.0


def test_what_is_outside_of_the_data_window_does_not_count() -> None:
    known = np.zeros((40, 60), bool)
    known[:, :30] = True
    wrong = np.where(known[..., None], constant(0, 0), constant(9, 9)).astype(np.float32)
    gap, _ = tell_gap((1, 2), Motion(wrong, wrong, known), np.zeros((40, 60, 3), np.uint8), NAMES)
    assert gap.forward == gap.backward == 0.0


@pytest.mark.parametrize(
    ("length", "nice"),
    [(0.0, 1), (1.0, 1), (1.2, 2), (2.0, 2), (4.0, 5), (9.9, 10), (10.0, 10), (11, 20), (99, 100)],
)
def test_scales_are_round(length: float, nice: float) -> None:
    assert nice_length(length) == nice


def test_true_vectors_are_measured_as_true(plate: Path) -> None:
    """The renderer's own motion leads back but where things hide one another; every gap is there, in order."""
    source = open_source(str(plate / "plate.####.exr"))
    settings = RetimeSettings(speed="1/2", flow="vectors", config=LINEAR[1], input_space=LINEAR[3])
    renderer = open_renderer(settings, source)
    plan = schedule(settings, source.frames, source.fps).plan
    assert list(list_gaps(plan, renderer, source.frames)) == [
        (1001, 1002),
        (1002, 1003),
        (1003, 1004),
        (1004, 1005),
    ]
    seen = []
    for pair, frame, found in measure_gaps(source, renderer, plan):
        assert frame.path.name == f"plate.{pair[0]}.exr"
        assert found is not None
        assert found.ahead.shape == (90, 160, 2)
        told, _ = tell_gap(pair, found, np.zeros((45, 80, 3), np.uint8), NAMES)
        seen.append((pair, told.forward))
    assert [pair for pair, _ in seen] == list(list_gaps(plan, renderer, source.frames))
    assert all(error < 1.5 for _, error in seen)


def entries(speed: str, frames: range, **values: object) -> list:  # type: ignore[type-arg]
    settings = RetimeSettings(speed=speed, **values)  # type: ignore[arg-type]
    return list(schedule(settings, list(frames), Fraction(24)).plan.entries)


def test_before_is_the_nearest_source_frame() -> None:
    assert [nearest_source(one) for one in entries("1/4", range(1, 3))] == [1, 1, 1, 2, 2]
    blurred = entries("1", range(1, 6), shutter_samples=5, outside="bounce")
    assert [nearest_source(one) for one in blurred] == [1, 2, 3, 4, 5]


def test_the_error_of_a_blur_is_the_mean_of_its_instants() -> None:
    gaps = {(1, 2): Gap(1, 2, *NAMES, 1, 1, 2.0, 2.0, 2, 0), (2, 3): Gap(2, 3, *NAMES, 1, 1, 4.0, 4.0, 4, 0)}
    (_, middle, _) = entries("1", range(1, 4), shutter_samples=3, shutter_angle=360.0)
    errors = [
        float(one.phase) * (1 - float(one.phase)) * (4.0 if one.first == 1 else 8.0) for one in middle.moments
    ]
    assert error_of(middle, gaps) == pytest.approx(sum(errors) / 3)
    assert error_of(middle, {}) is None
    copy = entries("1/2", range(1, 4))[2]
    assert (error_of(copy, {}), gap_index(copy, list(gaps))) == (0.0, 1)


def test_marks_say_where_shots_change_and_what_stands() -> None:
    plan = schedule(RetimeSettings(speed="1/2", cuts="4"), list(range(1, 8)), Fraction(24)).plan
    marks = mark_frames(plan, Found(cuts=(4,), repeats=(6,)))
    by_output = {entry.output: mark for entry, mark in zip(plan.entries, marks, strict=True)}
    assert [output for output, mark in by_output.items() if "cut" in mark] == [6]
    assert [output for output, mark in by_output.items() if "held" in mark] == [6, 7]  # 3.5 is held at 4
    assert [output for output, mark in by_output.items() if "repeat" in mark] == [10, 11]
    frozen = schedule(RetimeSettings(freeze="2.5", duration=3), list(range(1, 8)), Fraction(24)).plan
    assert mark_frames(frozen, Found()) == [(), ("held",), ("held",)]
    backwards = schedule(RetimeSettings(speed="-1"), list(range(1, 8)), Fraction(24)).plan
    turned = mark_frames(backwards, Found(cuts=(4,)))
    assert [entry.first for entry, mark in zip(backwards.entries, turned, strict=True) if "cut" in mark] == [
        3
    ]


def frame_of(pixels: np.ndarray, display: Window | None = None, window: Window | None = None) -> Frame:
    layer = make_layer(pixels, "RGB", display=display, window=window)
    return Frame([layer], display or layer.window, Path("made"), "openexr")


def test_light_goes_through_the_view_and_both_sides_alike() -> None:
    color = ColorPipeline(LINEAR[1], LINEAR[3], output_space="acescg")
    header = frame_of(np.full((8, 16, 3), 0.18, np.float32))
    screen = Screen(color, header, 16)
    source = screen.source(header)
    result = screen.result(frame_of(color.convert(color_of(header))))
    assert np.abs(source.astype(int) - result).max() <= 1
    assert 80 < source.mean() < 150
    assert "view" in screen.describe()


def test_encoded_pictures_are_shown_as_stored() -> None:
    color = ColorPipeline(LINEAR[1], "srgb_tx", kind="integer")
    codes = np.linspace(0, 1, 8 * 16 * 3, dtype=np.float32).reshape(8, 16, 3)
    screen = Screen(color, frame_of(codes), 16)
    assert np.array_equal(screen.source(frame_of(codes)), np.rint(codes * 255).astype(np.uint8))
    assert np.array_equal(screen.result(frame_of(codes)), screen.source(frame_of(codes)))
    named = Screen(color, frame_of(codes), 16, view="Un-tone-mapped")
    assert "Un-tone-mapped" in named.describe()


def test_a_data_window_lies_in_its_display_window_and_pixels_keep_their_shape() -> None:
    color = ColorPipeline(LINEAR[1], LINEAR[3])
    display = Window(0, 0, 16, 8)
    cropped = frame_of(np.ones((4, 8, 3), np.float32), display, Window(-2, 2, 8, 4))
    shown = Screen(color, cropped, 16).source(cropped)
    assert shown.shape == (8, 16, 3)
    lit = shown.min(axis=2) > 128
    assert lit[2:6, 0:6].all()
    assert lit.sum() == 24
    wide = frame_of(np.ones((8, 16, 3), np.float32))
    wide.layers[0].spec.attribute("PixelAspectRatio", 2.0)
    assert Screen(color, wide, 960).source(wide).shape == (8, 32, 3)
    assert Screen(color, wide, 16).source(wide).shape == (4, 16, 3)


def test_a_pixel_that_is_no_number_stays_one_pixel() -> None:
    color = ColorPipeline(LINEAR[1], LINEAR[3])
    pixels = np.full((8, 16, 3), 0.18, np.float32)
    whole = Screen(color, frame_of(pixels), 8).source(frame_of(pixels))
    pixels[4, 4] = np.nan
    shown = Screen(color, frame_of(pixels), 8).source(frame_of(pixels))
    assert (np.abs(shown.astype(int) - whole).max(axis=2) > 1).sum() <= 1


def test_a_matte_parts_the_motion_that_is_shown(retempo: Program, plate: Path, tmp_path: Path) -> None:
    source = open_source(str(plate / "plate.####.exr"))
    settings = RetimeSettings(speed="1/2", matte_channel="A", config=LINEAR[1], input_space=LINEAR[3])
    renderer = open_renderer(settings, source)
    plan = schedule(settings, source.frames, source.fps, [1001, 1002, 1003]).plan
    ((pair, _, found),) = measure_gaps(source, renderer, plan)
    assert pair == (1001, 1002)
    assert found is not None
    assert found.known.all()
    assert np.isfinite(found.ahead).all()


def test_a_network_that_moves_nothing_else_is_no_motion(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pattern = make_shot(tmp_path, range(1, 4))
    words = [str(pattern), "-o", str(tmp_path / "out.####.exr"), "--speed", "1/2", "--engine", "cain"]
    assert main(["retime", *words, "--allow-untrained", "--quiet", "--review", str(tmp_path / "page")]) == 0
    text = (tmp_path / "page" / "index.html").read_text()
    assert "without motion vectors to show" in text
    assert '"gaps":[]' in text

"""Is what flow sees always within [0, 1], growing with light, and chosen for the right reason?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bits import assert_same_bits
from retempo.color.config import find_config
from retempo.color.flow_space import WHITE_LEVEL, Shoulder
from retempo.color.pipeline import ColorPipeline
from retempo.errors import ColorError

CONFIG = find_config("ocio://default")
LOG = ColorPipeline(CONFIG, input_space="ACEScg")
MOVIE = ColorPipeline(CONFIG, path_for_rules="clip.mp4")
ANY_FLOAT = st.floats(width=32, allow_nan=True, allow_infinity=True)


def greys(values: object) -> np.ndarray:
    row = np.asarray(values, np.float32)
    return np.repeat(row[None, :, None], 3, axis=2).copy()


def see(pipeline: ColorPipeline, values: object) -> np.ndarray:
    return pipeline.to_flow(greys(values))[0, :, 0]


@given(arrays.arrays(np.float32, (3, 5, 4), elements=ANY_FLOAT))
@settings(max_examples=150, deadline=None)
def test_always_bounded_and_finite(pixels: np.ndarray) -> None:
    for pipeline in (LOG, MOVIE):
        for count in (3, 4):
            seen = pipeline.to_flow(np.ascontiguousarray(pixels[..., :count]))
            assert seen.shape == (3, 5, 3)
            assert seen.dtype == np.float32
            assert seen.flags.c_contiguous
            assert np.isfinite(seen).all()
            assert seen.min() >= 0.0
            assert seen.max() <= 1.0


@given(st.lists(st.floats(-10.0, 70000.0, width=32), min_size=2, max_size=40))
@settings(max_examples=150, deadline=None)
def test_more_light_is_never_seen_darker(values: list[float]) -> None:
    for pipeline in (LOG, MOVIE):
        assert (np.diff(see(pipeline, sorted(values))) >= 0.0).all()


def test_a_dense_ramp_never_falls_and_grows_where_it_counts() -> None:
    ramp = np.concatenate([np.linspace(0, 0.02, 20000), np.geomspace(0.02, 65504.0, 40000)]).astype(
        np.float32
    )
    seen = see(LOG, ramp)
    # The fast log of the flow transform may wobble in its last bits, far below an 8-bit step.
    assert np.diff(seen).min() >= -2e-6
    assert (np.diff(see(LOG, ramp[::50])) > 0.0).all()


def test_known_levels() -> None:
    seen = see(LOG, [0.0, 0.18, 1.0, 10.0, 100.0, 65504.0])
    np.testing.assert_allclose(seen, [0.0, 0.53023, 0.75, 0.87941, 0.92964, 1.0], atol=2e-5)


def test_highlights_and_shadows_stay_apart_by_several_8_bit_codes() -> None:
    codes = see(LOG, [0.001, 0.004, 0.02, 0.1, 0.5, 1.0, 2.0, 4.0, 10.0, 20.0, 40.0, 100.0]) * 255.0
    assert np.diff(codes).min() > 3.0


def test_special_values() -> None:
    special = [np.nan, np.inf, -np.inf, -1.0, -1e30, 1e30, -0.0, 1e-42]
    np.testing.assert_allclose(see(LOG, special), [0, 1, 0, 0, 0, 1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(see(MOVIE, special), [0, 1, 0, 0, 0, 1, 0, 0], atol=1e-5)


def test_a_bad_channel_spoils_no_other_pixel() -> None:
    pixels = np.full((3, 3, 3), 0.18, np.float32)
    clean = LOG.to_flow(pixels)
    pixels[1, 1, 0] = np.nan
    seen = LOG.to_flow(pixels)
    changed = np.any(seen != clean, axis=2)
    assert changed[1, 1]
    assert changed.sum() == 1


def test_movies_are_seen_as_they_are() -> None:
    frame = np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)
    assert MOVIE.flow.kind == "encoded"
    assert_same_bits(MOVIE.to_flow(frame), frame)
    light = MOVIE.to_working(frame)
    np.testing.assert_allclose(MOVIE.to_flow(light, working=True), frame, atol=2e-3)


@pytest.mark.parametrize(
    ("arguments", "kind", "space"),
    [
        ({"path_for_rules": "a.exr"}, "log", "ACEScct"),
        ({"path_for_rules": "a.png"}, "encoded", "sRGB - Display"),
        ({"input_space": "Rec.2100-PQ - Display"}, "encoded", "Rec.2100-PQ - Display"),
        ({"input_space": "ACEScct"}, "log", "ACEScct"),
        ({"input_space": "Raw"}, "log", "ACEScct"),
        ({"input_space": "sRGB - Display", "flow_space": "compositing_log"}, "log", "ACEScct"),
        ({"path_for_rules": "a.exr", "flow_space": "encoded"}, "encoded", "ACES2065-1"),
        ({"path_for_rules": "a.exr", "flow_space": "Retempo Flow"}, "log", "Retempo Flow"),
        ({"path_for_rules": "a.exr", "flow_space": "sRGB - Display"}, "log", "sRGB - Display"),
    ],
)
def test_choice(arguments: dict[str, str], kind: str, space: str) -> None:
    pipeline = ColorPipeline(CONFIG, **arguments)
    assert (pipeline.flow.kind, pipeline.flow.space) == (kind, space)
    seen = see(pipeline, [-1.0, 0.0, 0.2, 0.9, 30.0, np.nan, np.inf])
    assert seen.min() >= 0.0
    assert seen.max() <= 1.0


def test_automatic_choice_equals_the_shipped_colour_space() -> None:
    shipped = ColorPipeline(CONFIG, input_space="ACEScg", flow_space="retempo flow")
    light = np.geomspace(1e-4, 65504.0, 500)
    np.testing.assert_allclose(see(shipped, light), see(LOG, light), atol=2e-5)


@pytest.mark.parametrize("space", ["ACES2065-1", "ACEScct", "sRGB - Display"])
@pytest.mark.parametrize("channels", [3, 4])
def test_the_short_way_from_input_pixels_equals_the_way_through_light(space: str, channels: int) -> None:
    pipeline = ColorPipeline(CONFIG, input_space=space, flow_space="ACEScct")
    pixels = np.random.default_rng(5).random((20, 30, channels), dtype=np.float32)
    light = pipeline.to_working(pixels)
    np.testing.assert_allclose(pipeline.to_flow(pixels), pipeline.to_flow(light, working=True), atol=5e-5)


def test_working_space_primaries_do_not_change_what_greys_look_like() -> None:
    other = ColorPipeline(CONFIG, input_space="lin_rec709", working_space="lin_rec709")
    np.testing.assert_allclose(see(other, [0.01, 0.18, 5.0]), see(LOG, [0.01, 0.18, 5.0]), atol=2e-5)


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        ({}, "no role compositing_log"),
        ({"compositing_log": "clipping_log"}, "clips light"),
        ({"compositing_log": "linear"}, "not a log encoding"),
        ({"compositing_log": "negative"}, "does not grow"),
        ({"compositing_log": "lost_lut"}, "cannot build"),
        ({"compositing_log": "raw"}, "not a log encoding"),
    ],
)
def test_without_a_usable_role_the_built_in_curve_serves(
    write_config, roles: dict[str, str], reason: str
) -> None:
    pipeline = ColorPipeline(write_config({"scene_linear": "linear", **roles}), input_space="linear")
    assert pipeline.flow.space == "ACEScct curve"
    assert reason in pipeline.flow.reason
    light = [0.0, 0.01, 0.18, 1.0, 20.0, 1000.0]
    np.testing.assert_allclose(see(pipeline, light), see(LOG, light), atol=2e-5)


def test_second_role_serves_when_the_first_clips(write_config) -> None:
    roles = {"scene_linear": "linear", "compositing_log": "clipping_log", "color_timing": "good_log"}
    pipeline = ColorPipeline(write_config(roles), input_space="linear")
    assert pipeline.flow.space == "good_log"
    seen = see(pipeline, [0.0, 0.01, 0.18, 1.0, 10.0, 1000.0, 65504.0])
    assert (np.diff(seen) > 0.0).all()
    assert seen[0] == pytest.approx(0.0, abs=1e-5)
    assert seen[3] == pytest.approx(WHITE_LEVEL, abs=1e-4)


def test_unlabelled_integer_files_of_old_configs_are_seen_as_they_are(write_config) -> None:
    path = write_config({"scene_linear": "linear"}, version=1)
    assert ColorPipeline(path, input_space="video", path_for_rules="a.png").flow.kind == "encoded"
    assert ColorPipeline(path, input_space="video", path_for_rules="a.exr").flow.kind == "log"
    assert ColorPipeline(path, input_space="linear", path_for_rules="a.png").flow.kind == "log"


def test_asking_for_a_space_that_cannot_serve_is_an_error(write_config) -> None:
    path = write_config({"scene_linear": "linear"})
    with pytest.raises(ColorError, match="does not grow with light"):
        ColorPipeline(path, input_space="linear", flow_space="negative")
    with pytest.raises(ColorError, match="no role aces_interchange"):
        ColorPipeline(path, input_space="linear", flow_space="Retempo Flow")
    clipped = ColorPipeline(path, input_space="linear", flow_space="clipping_log")
    assert see(clipped, [13.0])[0] == pytest.approx(see(clipped, [60000.0])[0])


def test_flow_sees_the_picture_over_black() -> None:
    pixels = np.zeros((1, 3, 4), np.float32)
    pixels[0, :, :3] = 0.3
    pixels[0, :, 3] = [1.0, 0.5, 0.0]
    seen = LOG.to_flow(pixels)
    np.testing.assert_array_equal(seen[0, 0], seen[0, 1])
    np.testing.assert_array_equal(seen[0, 0], seen[0, 2])
    movie = MOVIE.to_flow(pixels)
    np.testing.assert_array_equal(movie, np.full((1, 3, 3), 0.3, np.float32))


@given(st.floats(-0.5, 0.2), st.floats(0.01, 1.0), st.floats(0.0, 200.0))
@settings(max_examples=100, deadline=None)
def test_shoulder_hits_black_white_and_peak(black: float, run: float, room: float) -> None:
    shoulder = Shoulder.fit(black, black + run, black + run + room)
    if shoulder.bend == 0.0:
        assert shoulder.slope * (run + room) <= 1.0 + 1e-9 or room <= 1e-3 * run
        return
    assert shoulder.slope * run == pytest.approx(WHITE_LEVEL)
    reach = WHITE_LEVEL + shoulder.slope * math.log1p(shoulder.bend * room) / shoulder.bend
    assert reach == pytest.approx(1.0, abs=1e-6)


def test_shoulder_refuses_a_space_without_range() -> None:
    with pytest.raises(ColorError):
        Shoulder.fit(0.5, 0.5, 0.9)


@given(st.lists(st.floats(0.0, 60000.0, width=32), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_the_way_back_gives_the_light_again(values: list[float]) -> None:
    light = greys(values)
    back = LOG.from_flow(LOG.to_flow(light, working=True))
    np.testing.assert_allclose(back, light, rtol=3e-3, atol=2e-5)


def test_the_way_back_of_encoded_pictures_is_the_working_space() -> None:
    picture = greys(np.linspace(0.0, 1.0, 33))
    assert_same_bits(MOVIE.from_flow(picture), MOVIE.to_working(picture))
    assert_same_bits(MOVIE.from_flow(greys([-0.5, 1.5])), MOVIE.to_working(greys([0.0, 1.0])))

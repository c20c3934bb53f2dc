"""Are pixels transformed exactly, with alpha treated as light, and left alone when nothing is to do?"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bits import assert_same_bits
from retempo.color.config import find_config
from retempo.color.nonfinite import replace_nonfinite
from retempo.color.pipeline import ColorPipeline
from retempo.color.transform import Transform
from retempo.errors import UsageError

CONFIG = find_config("ocio://default")
SRGB = "sRGB Encoded Rec.709 (sRGB)"


def between(source: str, target: str, exact: bool = True) -> Transform:
    return Transform(CONFIG.processor(source, target), "test", exact=exact)


def hdr(height: int = 33, width: int = 47, channels: int = 4, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pixels = np.exp(rng.uniform(-9.0, 8.0, (height, width, channels))).astype(np.float32)
    if channels == 4:
        pixels[..., 3] = rng.uniform(0.01, 1.0, (height, width))
        pixels[..., :3] *= pixels[..., 3:]
    return pixels


@pytest.mark.parametrize("space", ["ACEScg", "scene_linear", "Raw"])
def test_noop_returns_the_very_same_array_with_all_its_bits(space: str) -> None:
    pipeline = ColorPipeline(CONFIG, input_space=space)
    pixels = hdr()
    pixels[0, 0] = np.nan
    pixels[1, 1] = [np.inf, -np.inf, -0.0, 1e-42]
    before = pixels.copy()
    assert pipeline.to_working(pixels) is pixels
    assert pipeline.to_output(pixels) is pixels
    assert pipeline.convert(pixels) is pixels
    assert_same_bits(pixels, before)


def test_copies_keep_their_bits_when_input_and_output_space_are_one() -> None:
    pipeline = ColorPipeline(CONFIG, path_for_rules="a.exr")
    pixels = hdr()
    assert pipeline.passes_through
    assert pipeline.convert(pixels) is pixels
    assert pipeline.to_working(pixels) is pixels  # linear already: a matrix there and back would only round
    asked = ColorPipeline(CONFIG, path_for_rules="a.exr", working_space="scene_linear")
    assert asked.to_working(pixels) is not pixels
    other = ColorPipeline(CONFIG, path_for_rules="a.exr", output_space="ACEScg")
    assert not other.passes_through
    np.testing.assert_array_equal(other.convert(pixels), other.to_working(pixels))


@pytest.mark.parametrize("space", ["ACES2065-1", "Linear Rec.709 (sRGB)", "ACEScct", SRGB, "sRGB - Display"])
@pytest.mark.parametrize("channels", [3, 4])
def test_round_trip(space: str, channels: int) -> None:
    pipeline = ColorPipeline(CONFIG, input_space=space)
    light = np.minimum(hdr(channels=channels), 50.0)
    back = pipeline.to_working(pipeline.to_output(light))
    scale = np.abs(light[..., :3]).max(axis=-1, keepdims=True)
    assert np.max(np.abs(back[..., :3] - light[..., :3]) / scale) < 2e-5
    if channels == 4:
        assert_same_bits(back[..., 3], light[..., 3])


def test_every_8_bit_value_survives_the_way_to_light_and_back() -> None:
    pipeline = ColorPipeline(CONFIG, path_for_rules="movie.mp4")
    codes = np.random.default_rng(0).integers(0, 256, (64, 64, 3))
    codes[0, :, 0] = np.arange(64)
    codes[:, 0, :] = np.linspace(0, 255, 64).astype(int)[:, None]
    encoded = (codes / 255.0).astype(np.float32)
    back = pipeline.to_output(pipeline.to_working(encoded))
    np.testing.assert_array_equal(np.rint(back * 255.0), codes)
    # Black beside a saturated colour is worst: the matrix leaves 1e-7; its 2.4th root is a third of a code.
    assert np.abs(back * 255.0 - codes).max() < 0.4


def test_input_is_never_written_to() -> None:
    pixels = hdr()
    pixels[0, 0, 0] = np.nan
    before = pixels.copy()
    pipeline = ColorPipeline(CONFIG, input_space=SRGB)
    for do in (pipeline.to_working, pipeline.to_output, pipeline.to_flow, pipeline.to_display):
        do(pixels)
    assert_same_bits(pixels, before)


def test_any_memory_layout_gives_the_same_values() -> None:
    transform = between(SRGB, "ACEScg")
    pixels = hdr(20, 31)
    expected = transform.apply(pixels)
    np.testing.assert_array_equal(transform.apply(np.asfortranarray(pixels)), expected)
    wide = np.repeat(pixels, 2, axis=1)
    np.testing.assert_array_equal(transform.apply(wide[:, ::2]), expected)
    np.testing.assert_array_equal(transform.apply(pixels[::-1])[::-1], expected)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize(
    ("source", "target"), [(SRGB, "ACEScg"), ("ACEScg", "ACEScct"), ("ACES2065-1", "ACEScg")]
)
def test_bits_do_not_depend_on_threads_or_on_the_rows_passed_in(
    source: str, target: str, exact: bool
) -> None:
    transform = between(source, target, exact)
    pixels = hdr(301, 701)
    whole = transform.apply(pixels, threads=1)
    for threads in (2, 5):
        assert_same_bits(transform.apply(pixels, threads=threads), whole)
    parts = [transform.apply(pixels[y : y + 37], threads=1) for y in range(0, 301, 37)]
    assert_same_bits(np.concatenate(parts), whole)


def test_a_pipeline_may_be_shared_by_threads() -> None:
    pipeline = ColorPipeline(CONFIG, input_space=SRGB)
    frames = [hdr(40, 50, seed=seed) for seed in range(8)]

    def work(frame: np.ndarray) -> bytes:
        light = pipeline.to_working(frame)
        return light.tobytes() + pipeline.to_flow(frame).tobytes() + pipeline.to_display(light).tobytes()

    expected = [work(frame) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, frames)) == expected


def test_linear_transforms_run_on_premultiplied_pixels_as_they_are() -> None:
    transform = between("ACES2065-1", "ACEScg")
    assert transform.is_linear
    pixels = hdr()
    straight = pixels[..., :3] / pixels[..., 3:]
    expected = transform.apply(np.ascontiguousarray(straight))
    np.testing.assert_allclose(
        transform.apply(pixels)[..., :3], expected * pixels[..., 3:], rtol=1e-4, atol=1e-4
    )


def test_curves_see_colour_without_alpha() -> None:
    transform = between(SRGB, "Linear Rec.709 (sRGB)")
    assert not transform.is_linear
    pixels = np.array([[[0.25, 0.1, 0.0, 0.5]]], np.float32)
    opaque = transform.apply(np.array([[[0.5, 0.2, 0.0]]], np.float32))
    np.testing.assert_allclose(transform.apply(pixels)[..., :3], opaque * 0.5, rtol=1e-6)


def test_matrix_with_offset_is_not_called_linear() -> None:
    import PyOpenColorIO as ocio

    shifted = ocio.MatrixTransform(offset=[0.1, 0.1, 0.1, 0.0])
    assert not Transform(CONFIG.transform_processor(shifted, "offset"), "offset").is_linear


@pytest.mark.parametrize(("source", "target"), [(SRGB, "ACEScg"), ("ACEScg", "ACEScct")])
def test_emission_without_alpha_is_kept_and_empty_stays_empty(source: str, target: str) -> None:
    there, back = between(source, target), between(target, source)
    pixels = np.zeros((1, 4, 4), np.float32)
    pixels[0, 1] = [0.8, 0.4, 0.2, 0.0]
    pixels[0, 2] = [0.8, 0.4, 0.2, 2.0**-30]
    pixels[0, 3] = [0.8, 0.4, 0.2, 1.0]
    out = there.apply(pixels)
    assert not out[0, 0].any()
    np.testing.assert_array_equal(out[0, 1, :3], out[0, 3, :3])
    np.testing.assert_array_equal(out[0, 2, :3], out[0, 3, :3])
    np.testing.assert_allclose(back.apply(out), pixels, atol=2e-6)


@given(st.floats(0.0, 1.0, width=32), st.lists(st.floats(0.0, 100.0, width=32), min_size=3, max_size=3))
@settings(max_examples=100, deadline=None)
def test_premultiplied_round_trip_never_explodes(alpha: float, colour: list[float]) -> None:
    pixels = np.array([[[*colour, alpha]]], np.float32)
    out = between("ACEScg", SRGB).apply(pixels)
    assert np.isfinite(out).all()
    back = between(SRGB, "ACEScg").apply(out)
    assert back[0, 0, 3] == np.float32(alpha)
    np.testing.assert_allclose(back[..., :3], pixels[..., :3], atol=1e-4 * max(1.0, *colour))


def test_nonfinite_pixels_become_finite_and_stay_where_they_are() -> None:
    pixels = hdr(9, 9)
    clean = between("ACEScg", SRGB).apply(pixels)
    for value in (np.nan, np.inf, -np.inf):
        for channel in range(4):
            bad = pixels.copy()
            bad[4, 5, channel] = value
            out = between("ACEScg", SRGB).apply(bad)
            assert np.isfinite(out).all()
            keep = np.ones((9, 9), bool)
            keep[4, 5] = False
            np.testing.assert_array_equal(out[keep], clean[keep])


def test_replace_nonfinite_counts_pixels_and_leaves_good_ones_alone() -> None:
    pixels = hdr(5, 5)
    untouched, none = replace_nonfinite(pixels)
    assert untouched is pixels
    assert none == 0
    pixels[0, 0, :3] = [np.nan, np.inf, -np.inf]
    pixels[2, 2, 3] = np.inf
    cleaned, count = replace_nonfinite(pixels)
    assert count == 2
    assert cleaned[0, 0, :3].tolist() == [0.0, 65504.0, -65504.0]
    assert cleaned[2, 2, 3] == 1.0
    assert np.isnan(pixels[0, 0, 0])
    opposite = np.zeros((2, 2, 3), np.float32)
    opposite[0, 0], opposite[1, 1] = np.inf, -np.inf
    assert replace_nonfinite(opposite)[1] == 2
    largest = np.full((64, 64, 3), np.finfo(np.float32).max, np.float32)
    assert replace_nonfinite(largest)[0] is largest


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 2), (4, 5, 5), (1, 4, 5, 3)])
def test_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    pipeline = ColorPipeline(CONFIG)
    for do in (pipeline.to_working, pipeline.to_output, pipeline.to_flow, pipeline.to_display):
        with pytest.raises(UsageError, match="H, W, 3 or 4"):
            do(np.zeros(shape, np.float32))


def test_wrong_type_is_refused() -> None:
    with pytest.raises(UsageError, match="float32 pixels, got float64"):
        ColorPipeline(CONFIG).to_working(np.zeros((2, 2, 3)))


@pytest.mark.parametrize("shape", [(0, 5, 3), (5, 0, 4), (0, 0, 3)])
def test_zero_size_crops_pass(shape: tuple[int, ...]) -> None:
    pipeline = ColorPipeline(CONFIG, input_space=SRGB, flow_space="ACEScct")
    empty = np.zeros(shape, np.float32)
    assert pipeline.to_working(empty).shape == shape
    assert pipeline.to_flow(empty).shape == (*shape[:2], 3)
    assert pipeline.to_display(empty).shape == (*shape[:2], 3)

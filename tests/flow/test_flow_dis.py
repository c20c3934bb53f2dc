"""Does DIS find known motion, on any size, with the same bits whatever the threads?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from bits import assert_same_bits
from retempo.errors import InputError, UsageError
from retempo.flow.base import FlowEstimator
from retempo.flow.dis import PRESETS, DisFlow, round_grey


def make_texture(height: int, width: int, seed: int = 1) -> np.ndarray:
    """Return smooth coloured noise [H, W, 3] in [0, 1] with detail at several sizes."""
    random = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32)
    for sigma in (1.5, 4.0, 12.0):
        noise = cv2.GaussianBlur(random.standard_normal((height, width, 3)).astype(np.float32), (0, 0), sigma)
        image += noise / noise.std()
    return np.clip(0.5 + 0.12 * image, 0, 1).astype(np.float32)


@contextmanager
def cv2_threads(count: int) -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def crop(image: np.ndarray, x: int, y: int, height: int, width: int) -> np.ndarray:
    return np.ascontiguousarray(image[y : y + height, x : x + width])


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_translation_is_found_both_ways(preset: str) -> None:
    big = make_texture(200, 260)
    image0, image1 = crop(big, 20, 20, 140, 200), crop(big, 13, 24, 140, 200)  # content moves by (+7, -4)
    estimator = DisFlow(preset)
    assert isinstance(estimator, FlowEstimator)
    flow01, flow10 = estimator.estimate(image0, image1)
    inside = np.s_[24:-24, 24:-24]
    for flow, expected in ((flow01, (7, -4)), (flow10, (-7, 4))):
        assert flow.shape == (140, 200, 2) and flow.dtype == np.float32
        error = np.linalg.norm(flow[inside] - np.array(expected), axis=-1)
        assert np.mean(error) < 0.1


@pytest.mark.parametrize("looks", [0, 2])
def test_looks_at_small_pictures_find_what_is_fast(looks: int) -> None:
    """A square moves by a quarter of its side before a background that stands still."""
    one = make_texture(360, 480, seed=4)
    other, square = one.copy(), make_texture(128, 128, seed=9)
    one[140:268, 150:278], other[140:268, 182:310] = square, square
    flow01, flow10 = DisFlow(looks=looks).estimate(one, other)
    error = np.linalg.norm(flow01[156:252, 166:262] - np.array((32, 0)), axis=-1)
    back = np.linalg.norm(flow10[156:252, 198:294] + np.array((32, 0)), axis=-1)
    found = (error < 1).mean(), (back < 1).mean()
    assert (min(found) > 0.95) == (looks > 0)
    still = np.s_[20:100, 20:460]
    assert np.linalg.norm(flow01[still], axis=-1).mean() < 0.1


def test_a_search_that_begins_with_what_is_known() -> None:
    """A square so fast that nothing finds it; whoever says where it goes is believed, and corrected."""
    one = make_texture(360, 480, seed=4)
    other, square = one.copy(), make_texture(96, 96, seed=9)
    one[140:236, 60:156], other[140:236, 270:366] = square, square
    inside, outside = np.s_[156:220, 76:140], np.s_[20:100, 20:460]
    expected = np.zeros((360, 480, 2), np.float32)
    expected[130:246, 50:166] = 206, 3
    begun = expected.copy()
    flow = DisFlow("fine", continued=True)
    planes = flow.encode(one), flow.encode(other)
    lost, back = flow.estimate_encoded(*planes)
    found, same = flow.estimate_onward(*planes, (begun, None))
    assert_same_bits(begun, expected)
    assert_same_bits(same, back)
    assert (np.linalg.norm(lost[inside] - np.array((210, 0)), axis=-1) < 1).mean() < 0.1
    assert (np.linalg.norm(found[inside] - np.array((210, 0)), axis=-1) < 1).mean() > 0.9
    assert np.linalg.norm(found[outside], axis=-1).mean() < 0.1
    assert flow.name == "dis:fine,continued=1"
    plain = DisFlow("fine")
    assert flow.plain.name == plain.name and plain.plain is plain
    for known, ever in zip((lost, back), plain.estimate(one, other), strict=True):
        assert_same_bits(known, ever)


def test_looks_are_named_and_left_out_where_nothing_would_be_seen() -> None:
    assert DisFlow(looks=1).name == "dis:balanced,looks=1"
    texture = make_texture(70, 110, seed=3)
    one, other = crop(texture, 5, 5, 60, 100), crop(texture, 3, 6, 60, 100)
    without, with_looks = (DisFlow(looks=looks).estimate(one, other) for looks in (0, 8))
    for flow, same in zip(with_looks, without, strict=True):
        assert_same_bits(flow, same)  # a quarter of 60 pixels is too small


def test_rotation_is_found() -> None:
    height, width, angle = 160, 200, np.deg2rad(3.0)
    image0 = make_texture(height, width)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    cx, cy = (width - 1) / 2, (height - 1) / 2
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    # frame 1 at p shows frame 0 at R^-1 p, so p of frame 0 goes to R p
    image1 = cv2.remap(
        image0, cos * (x - cx) + sin * (y - cy) + cx, -sin * (x - cx) + cos * (y - cy) + cy, cv2.INTER_CUBIC
    )
    truth = np.stack(
        [cos * (x - cx) - sin * (y - cy) + cx - x, sin * (x - cx) + cos * (y - cy) + cy - y], axis=-1
    )
    flow01, _ = DisFlow("fine").estimate(image0, np.clip(image1, 0, 1))
    error = np.linalg.norm(flow01 - truth, axis=-1)[20:-20, 20:-20]
    assert error.mean() < 0.1
    assert np.abs(truth).max() > 4  # the motion is not trivial


def test_working_resolution_keeps_vectors_in_full_pixels() -> None:
    big = make_texture(280, 360, seed=5)
    image0, image1 = crop(big, 20, 20, 239, 319), crop(big, 10, 26, 239, 319)
    for estimator in (DisFlow(working_scale=0.5), DisFlow(working_size=160)):
        flow01, _ = estimator.estimate(image0, image1)
        assert flow01.shape == (239, 319, 2)
        assert np.abs(np.median(flow01, axis=(0, 1)) - (10, -6)).max() < 0.1
        assert "0.5" in estimator.name or "160" in estimator.name


def test_bits_do_not_depend_on_threads() -> None:
    big = make_texture(270, 400, seed=2)
    image0, image1 = crop(big, 10, 10, 243, 371), crop(big, 4, 13, 243, 371)
    image1 = np.clip(image1 + 0.02 * make_texture(243, 371, seed=3), 0, 1)
    for preset in ("balanced", "fine", "coarse"):
        results = []
        for count in (1, 2, 3, 5):
            with cv2_threads(count):
                results.append(DisFlow(preset, threads=1).estimate(image0, image1))
                results.append(DisFlow(preset, threads=2).estimate(image0, image1))
        for flow01, flow10 in results[1:]:
            assert_same_bits(flow01, results[0][0])
            assert_same_bits(flow10, results[0][1])


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (9, 9), (16, 5), (17, 31), (33, 8)])
def test_tiny_pictures_work(preset: str, size: tuple[int, int]) -> None:
    image = make_texture(*size)
    flow01, flow10 = DisFlow(preset).estimate(image, image)
    assert flow01.shape == flow10.shape == (*size, 2)
    assert np.abs(flow01).max() < 0.5 and np.abs(flow10).max() < 0.5


def test_still_and_flat_pictures_give_zero_flow() -> None:
    flat = np.full((50, 60, 3), 0.3, np.float32)
    for image in (flat, make_texture(50, 60)):
        flow01, _ = DisFlow().estimate(image, image)
        assert np.abs(flow01).max() < 1e-2


def test_bad_input_is_named() -> None:
    good = make_texture(20, 30)
    bad = good.copy()
    bad[4, 7, 1] = np.nan
    with pytest.raises(InputError, match=r"image1 has 1 NaN.*x=7, y=4"):
        DisFlow().estimate(good, bad)
    with pytest.raises(InputError, match="30x20 and image1 is 29x20"):
        DisFlow().estimate(good, good[:, :-1])
    with pytest.raises(InputError, match="uint8"):
        DisFlow().estimate((good * 255).astype(np.uint8), good)
    with pytest.raises(InputError, match="empty"):
        DisFlow().estimate(good[:0], good[:0])


def test_grey_is_luma_rounded_and_clipped() -> None:
    image = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 2, 2], [-1, -1, -1]]], np.float32)
    assert round_grey(DisFlow().encode(image)).tolist() == [[54, 182, 18, 255, 0]]


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"preset": "best"}, "no preset 'best'"),
        ({"patch_stride": 9}, "patch_stride is 9"),
        ({"finest_scale": -1}, "finest_scale"),
        ({"looks": 9}, "looks is 9"),
        ({"working_scale": 0.0}, r"\(0, 1\]"),
        ({"working_scale": 0.5, "working_size": 100}, "both"),
        ({"working_size": 0}, "working size"),
    ],
)
def test_bad_settings_are_named(keywords: dict[str, object], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        DisFlow(**keywords)  # type: ignore[arg-type]

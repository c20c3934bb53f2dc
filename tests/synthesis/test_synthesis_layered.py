"""Do foreground and background move on their own, and does nothing of one stick to the other?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from retempo.errors import InputError, UsageError
from retempo.flow.dis import DisFlow
from retempo.metrics.quality import psnr
from retempo.synthesis.coverage import fade_out, find_nearest
from retempo.synthesis.hypotheses import estimate_pairs
from retempo.synthesis.layered import LayeredPrepared, prepare_layers, show_layer
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.pipeline import FlowPair, prepare

HEIGHT, WIDTH = 96, 128
FRONT_STEP, BACK_STEP = (8.0, 2.0), (-4.0, 0.0)
"""Pixels a frame, (x, y)."""


def noise(seed: int, shift: tuple[float, float], size: float) -> np.ndarray:
    """A smooth texture [H, W, 3] in [0.1, 0.9] that stands ``shift`` pixels from where it was; exact at any shift."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    made = np.zeros((HEIGHT, WIDTH, 3))
    for _ in range(24):
        angle, phase = rng.uniform(0, 2 * np.pi, 2)
        wave = np.sin(((x - shift[0]) * np.cos(angle) + (y - shift[1]) * np.sin(angle)) / size + phase)
        made += wave[..., None] * rng.uniform(-1, 1, 3)
    return (0.5 + 0.4 * made / np.abs(made).max()).astype(np.float32)


def scene(t: float, softness: float = 3.0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A disc over a background at time t: picture, foreground [H, W, 3], background, matte [H, W]."""
    shift = FRONT_STEP[0] * t, FRONT_STEP[1] * t
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    away = np.hypot(x - 50 - shift[0], y - 46 - shift[1])
    matte = np.clip(0.5 + (24 - away) / softness, 0, 1).astype(np.float32)
    front = noise(1, shift, 4.0)
    back = noise(2, (BACK_STEP[0] * t, BACK_STEP[1] * t), 6.0)
    return matte[..., None] * front + (1 - matte[..., None]) * back, front, back, matte


def constant(step: tuple[float, float]) -> np.ndarray:
    return np.zeros((HEIGHT, WIDTH, 2), np.float32) + np.array(step, np.float32)


def exact_flows() -> object:
    """What ``prepare_layers`` asks for, answered first for the foreground, then for the background."""
    steps = iter((FRONT_STEP, BACK_STEP))

    def find(pictures: list[np.ndarray]) -> list[FlowPair]:
        step = next(steps)
        return [FlowPair(0, 1, constant(step), constant((-step[0], -step[1])))]

    return find


def layered(mattes: list[np.ndarray], images: list[np.ndarray], **values: object) -> LayeredPrepared:
    options = SynthesisOptions(**values)  # type: ignore[arg-type]
    return prepare_layers(images, [0, 1], mattes, exact_flows(), options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def moving() -> tuple[LayeredPrepared, list[np.ndarray]]:
    images, _, _, mattes = zip(*(scene(t) for t in (0, 1)), strict=True)
    return layered(list(mattes), list(images)), list(images)


@pytest.mark.parametrize("t", [Fraction(1, 4), Fraction(1, 2), Fraction(7, 8)])
def test_both_layers_stand_where_they_should(
    moving: tuple[LayeredPrepared, list[np.ndarray]], t: Fraction
) -> None:
    """Away from the frame's edge the result is the truth up to interpolation, at the soft edge too."""
    prepared, images = moving
    truth, front, back, matte = scene(float(t))
    inner = (slice(12, -12), slice(12, -12))
    made = prepared.render(images, t)
    assert psnr(truth[inner], made.pixels[inner]) > 38
    shown = prepared.render(images, t, output="foreground")
    assert np.abs(shown.matte - matte)[inner].max() < 0.1  # the ramp has corners
    inside = matte == 1
    assert psnr(front[inside], shown.pixels[inside]) > 38
    behind = prepared.render(images, t, output="background")
    seen = np.zeros_like(inside)
    seen[inner] = behind.matte[inner] == 1
    assert psnr(back[seen], behind.pixels[seen]) > 38
    for one in (shown, behind):
        np.testing.assert_array_less(-1e-6, one.matte)
    over = shown.matte[..., None] * shown.pixels + (1 - shown.matte[..., None]) * behind.pixels
    np.testing.assert_allclose(over, made.pixels, atol=2e-6)
    np.testing.assert_array_equal(prepared.render(images, t, output="matte").matte, shown.matte)


@pytest.mark.parametrize("softness", [0.01, 3.0])
def test_estimated_flow_gains_at_the_edge(softness: float) -> None:
    """Measured at the edge, without and with a matte: hard 32.1 and 45.1 dB, soft 35.9 and 43.7 dB."""
    images, _, _, mattes = zip(*(scene(t, softness) for t in (0, 1)), strict=True)
    truth = scene(0.5, softness)[0]

    def find(pictures: list[np.ndarray]) -> list[FlowPair]:
        return estimate_pairs(pictures, [DisFlow()])

    plain = prepare(images, [0, 1], find(list(images))).render(images, 0.5).pixels
    made = prepare_layers(images, [0, 1], mattes, find).render(list(images), 0.5).pixels
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    edge = np.abs(np.hypot(x - 54, y - 47) - 24) < 8
    assert psnr(truth[edge], made[edge]) > psnr(truth[edge], plain[edge]) + 5


def test_what_the_foreground_hides_comes_from_where_it_does_not(
    moving: tuple[LayeredPrepared, list[np.ndarray]],
) -> None:
    """Behind the disc frame 0 shows the disc; frame 1 alone knows the background there."""
    prepared, images = moving
    _, _, back, matte = scene(0.5)
    freed = (scene(0)[3] > 0.9) & (matte == 0)
    behind = prepared.render(images, 0.5, output="background")
    made = prepared.render(images, 0.5)
    assert freed.sum() > 20 and behind.matte[freed].all() and not made.hole[freed].any()
    assert np.abs(made.pixels[freed] - back[freed]).max() < 0.06


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_frame_of_one_layer_is_made_as_without_a_matte(share: float) -> None:
    images = [scene(t)[2] for t in (0, 1)]
    mattes = [np.full((HEIGHT, WIDTH), share, np.float32)] * 2
    flows = [FlowPair(0, 1, constant(BACK_STEP), constant((4.0, 0.0)))]
    ids = [np.arange(HEIGHT * WIDTH, dtype=np.uint32).reshape(HEIGHT, WIDTH, 1) + 7] * 2
    plain = prepare(images, [0, 1], flows).render(images, 0.5, ids)
    made = prepare_layers(images, [0, 1], mattes, lambda _: flows).render(images, 0.5, ids)
    np.testing.assert_array_equal(made.pixels, plain.pixels)
    np.testing.assert_array_equal(made.ids, plain.ids)
    np.testing.assert_array_equal(made.confidence, plain.confidence)
    np.testing.assert_array_equal(made.hole, plain.hole)


def test_what_does_not_move_stays_as_it_is() -> None:
    image, _, _, matte = scene(0)
    flows = [FlowPair(0, 1, constant((0, 0)), constant((0, 0)))]
    made = prepare_layers([image] * 2, [0, 1], [matte] * 2, lambda _: flows).render([image] * 2, 0.5)
    np.testing.assert_allclose(made.pixels, image, atol=1e-6)


def test_infinite_values_stay_where_they_are() -> None:
    """A depth that is infinite behind the foreground spoils no pixel of the foreground."""
    (image, *_, before), (other, *_, after) = scene(0), scene(1)
    planes = []
    for picture, matte in ((image, before), (other, after)):
        depth = np.where(matte > 0, 3.0, np.inf).astype(np.float32)
        planes.append(np.concatenate([picture, depth[..., None]], 2))
    prepared = layered([before, after], [image, other])
    made = prepared.render(planes, 0.5).pixels
    inside = scene(0.5)[3] == 1
    assert (made[..., 3][inside] == 3).all() and np.isfinite(made[..., :3]).all()
    assert not np.isnan(made).any()


def test_ids_do_not_cross(moving: tuple[LayeredPrepared, list[np.ndarray]]) -> None:
    prepared, images = moving
    ids = [np.where(scene(t)[3] >= 0.5, 5, 9).astype(np.uint32)[..., None] for t in (0, 1)]
    made = prepared.render(images, 0.5, ids)
    np.testing.assert_array_equal(np.unique(made.ids), [5, 9])
    wrong = (made.ids[..., 0] == 5) != (scene(0.5)[3] >= 0.5)
    assert wrong.mean() < 0.002
    only = prepared.render(images, 0.5, ids, output="background").ids
    assert (only == 9).all()


def test_four_frames_depth_and_inverses_go_together() -> None:
    times = [-1, 0, 1, 2]
    images, _, _, mattes = zip(*(scene(t) for t in times), strict=True)
    options = SynthesisOptions(depth="add", inverses=True)
    depths = [np.where(matte > 0.5, 1.0, 5.0).astype(np.float32) for matte in mattes]
    steps = iter((FRONT_STEP, BACK_STEP))

    def find(pictures: list[np.ndarray]) -> list[FlowPair]:
        assert len(pictures) == 4
        x, y = next(steps)
        pairs = ((0, 2), (1, 2), (1, 3))
        return [
            FlowPair(i, j, constant((x * (j - i), y * (j - i))), constant((-x * (j - i), -y * (j - i))))
            for i, j in pairs
        ]

    made = prepare_layers(images, times, mattes, find, options, depths).render(list(images), 0.5)
    inner = (slice(16, -16), slice(20, -20))
    assert psnr(scene(0.5)[0][inner], made.pixels[inner]) > 38


def test_stored_vectors_of_the_other_layer_are_not_used() -> None:
    """One field of vectors, each pixel's own: beside the edge a layer sees its own motion go on (78 dB, against 38)."""
    images, _, _, mattes = zip(*(scene(t, 0.01) for t in (0, 1)), strict=True)
    ahead, back = (
        np.where(matte[..., None] >= 0.5, constant(FRONT_STEP), constant(BACK_STEP)) * sign
        for matte, sign in zip(mattes, (1, -1), strict=True)
    )
    flows = [FlowPair(0, 1, ahead, back, valid_ij=np.ones((HEIGHT, WIDTH), np.float32))]
    prepared = prepare_layers(images, [0, 1], mattes, lambda _: flows)
    for candidate in prepared.front.candidates:
        assert (np.abs(candidate.flow) == np.abs(constant(FRONT_STEP))).all()
    inner = (slice(12, -12), slice(12, -12))
    made = prepared.render(list(images), 0.5).pixels
    plain = prepare(images, [0, 1], flows).render(images, 0.5).pixels
    truth = scene(0.5, 0.01)[0]
    assert psnr(truth[inner], made[inner]) > psnr(truth[inner], plain[inner]) + 20


@pytest.mark.parametrize("output", ["result", "foreground", "background", "matte"])
def test_a_source_frame_alone_is_what_rendering_its_time_gives(
    moving: tuple[LayeredPrepared, list[np.ndarray]], output: str
) -> None:
    prepared, images = moving
    ids = [np.full((HEIGHT, WIDTH, 1), 3, np.uint32)] * 2
    made = prepared.render(images, 0, ids, output=output)
    alone = show_layer(images[0], scene(0)[3], ids[0], output)
    for name in ("pixels", "matte", "ids", "hole"):
        np.testing.assert_array_equal(getattr(made, name), getattr(alone, name), name)


def test_filling_keeps_what_is_known_and_is_smooth() -> None:
    picture = noise(3, (0, 0), 5.0)
    known = np.zeros((HEIGHT, WIDTH), np.bool_)
    known[30:60, 40:70] = True
    made = fade_out(picture, known)
    np.testing.assert_array_equal(made[known], picture[known])
    assert np.abs(np.diff(made[:20], axis=1)).max() < 0.02
    assert made.min() >= picture[known].min() and made.max() <= picture[known].max()
    for shape in ((1, 37), (37, 1), (1, 1), (2, 3)):
        one = np.ones(shape, np.bool_)
        one[0, 0] = True
        assert (
            fade_out(np.full((*shape, 3), 0.25, np.float32), one).tolist()
            == np.full((*shape, 3), 0.25).tolist()
        )
    assert find_nearest(np.zeros((2, 2), np.bool_)) is None


@pytest.mark.parametrize(
    ("matte", "message"),
    [
        (np.zeros((HEIGHT, WIDTH - 1), np.float32), "127 x 96"),
        (np.full((HEIGHT, WIDTH), 1.5, np.float32), "outside of"),
        (np.full((HEIGHT, WIDTH), np.nan, np.float32), "outside of"),
    ],
)
def test_mattes_that_are_none(matte: np.ndarray, message: str) -> None:
    images = [scene(t)[0] for t in (0, 1)]
    with pytest.raises(InputError, match=message):
        layered([matte, matte], images)


def test_misuse_is_named(moving: tuple[LayeredPrepared, list[np.ndarray]]) -> None:
    prepared, images = moving
    with pytest.raises(UsageError, match="no output 'fog'"):
        prepared.render(images, 0.5, output="fog")
    with pytest.raises(InputError, match="1 mattes for 2"):
        layered([np.zeros((HEIGHT, WIDTH), np.float32)], images)

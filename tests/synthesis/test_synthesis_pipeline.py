"""Is the picture between two frames the right one, where the motion is known exactly?"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from bits import assert_same_bits
from retempo.errors import InputError, TimingError, UsageError
from retempo.flow.dis import DisFlow
from retempo.metrics.importance import ImportanceSettings
from retempo.metrics.quality import psnr
from retempo.synthesis.hypotheses import estimate_pairs
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.pipeline import FlowPair, Prepared, prepare

HALF = Fraction(1, 2)


def make_texture(height: int, width: int, seed: int, sigmas: tuple[float, ...] = (2.0, 6.0)) -> np.ndarray:
    random = np.random.default_rng(seed)
    image = np.zeros((height, width, 3), np.float32)
    for sigma in sigmas:
        noise = cv2.GaussianBlur(random.standard_normal((height, width, 3)).astype(np.float32), (0, 0), sigma)
        image += noise / noise.std()
    return np.clip(0.5 + 0.15 * image, 0, 1).astype(np.float32)


def look_up(texture: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample far more finely than the pipeline does (the texture holds four samples a pixel)."""
    return cv2.remap(texture, (4 * x).astype(np.float32), (4 * y).astype(np.float32), cv2.INTER_LINEAR)


class Scene:
    """A textured disc that turns, grows and moves over a background that moves the other way; exact at any time."""

    height, width = 96, 128

    def __init__(self) -> None:
        self.back = make_texture(4 * 160, 4 * 200, 1, (8.0, 24.0))
        self.front = make_texture(4 * 200, 4 * 200, 2, (8.0, 24.0)) * np.array([1.0, 0.6, 0.3], np.float32)
        self.y, self.x = np.mgrid[: self.height, : self.width].astype(np.float64)

    def center(self, t: float) -> tuple[float, float]:
        return 44 + 12 * t, 50 - 6 * t

    def disc(self, t: float, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Texture coordinates on the disc, and where it is. It moves in a straight line between t = 0 and 1."""
        cx, cy = self.center(t)
        u, v = (x - cx) / (1 + 0.1 * t), (y - cy) / (1 + 0.1 * t)
        return u, v, u * u + v * v < 22**2

    def picture(self, t: float) -> np.ndarray:
        u, v, inside = self.disc(t, self.x, self.y)
        background = look_up(self.back, self.x + 30 + 5 * t, self.y + 30 - 2 * t)
        return np.where(inside[..., None], look_up(self.front, u + 100, v + 100), background).astype(
            np.float32
        )

    def flow(self, start: float, end: float) -> np.ndarray:
        u, v, inside = self.disc(start, self.x, self.y)
        cx, cy = self.center(end)
        dx = np.where(inside, u * (1 + 0.1 * end) + cx - self.x, -5 * (end - start))
        dy = np.where(inside, v * (1 + 0.1 * end) + cy - self.y, 2 * (end - start))
        return np.stack([dx, dy], axis=-1).astype(np.float32)

    def depth(self, t: float) -> np.ndarray:
        return np.where(self.disc(t, self.x, self.y)[2], 2.0, 6.0).astype(np.float32)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def prepare_scene(
    scene: Scene, options: SynthesisOptions | None = None, noise: float = 0.0
) -> tuple[Prepared, list[np.ndarray]]:
    pictures = [scene.picture(0), scene.picture(1)]
    random = np.random.default_rng(0)
    flows = [scene.flow(0, 1), scene.flow(1, 0)]
    if noise:
        errors = [
            cv2.GaussianBlur(random.normal(0, 1, flow.shape).astype(np.float32), (0, 0), 4) for flow in flows
        ]
        flows = [
            flow + error * np.float32(noise / error.std()) for flow, error in zip(flows, errors, strict=True)
        ]
    depths = [scene.depth(0), scene.depth(1)]
    return prepare(pictures, [0, 1], [FlowPair(0, 1, flows[0], flows[1])], options, depths), pictures


def test_integer_translation_is_exact_inside() -> None:
    big = make_texture(80, 100, 3)
    frames = [
        np.ascontiguousarray(big[10:70, 10 + k : 80 + k]) for k in (0, 4, 8)
    ]  # content moves by -8 in x
    flow = np.zeros((60, 70, 2), np.float32)
    flow[..., 0] = -8
    made = prepare([frames[0], frames[2]], [0, 1], [FlowPair(0, 1, flow, -flow)]).render(
        [frames[0], frames[2]], HALF
    )
    inside = np.s_[:, 8:-8]
    assert np.array_equal(made.pixels[inside], frames[1][inside])
    assert not made.hole.any()
    np.testing.assert_allclose(made.confidence[inside], 1, atol=0.05)


@pytest.mark.parametrize("t", [0.25, 0.5, 0.75])
def test_two_layers_with_exact_flow_and_depth(scene: Scene, t: float) -> None:
    truth = scene.picture(t)
    scores = {}
    for depth in ("off", "add", "only"):
        exact = SynthesisOptions(
            depth=depth, footprint="bilinear", coverage_gate=True
        )  # nothing has to be guessed
        prepared, pictures = prepare_scene(scene, exact)
        scores[depth] = psnr(truth, prepared.render(pictures, t).pixels)
    assert scores["off"] > 30 and scores["add"] > 31 and scores["only"] > 31, scores
    average = replace(exact, importance=ImportanceSettings(temperature=0.0), depth="off")
    prepared, pictures = prepare_scene(scene, average)
    assert scores["only"] > psnr(truth, prepared.render(pictures, t).pixels) + 1  # who is in front matters
    plain = psnr(truth, prepare_scene(scene)[0].render(pictures, t).pixels)
    assert (
        plain > 27.5 and plain > psnr(truth, ((1 - t) * pictures[0] + t * pictures[1]).astype(np.float32)) + 7
    )


def test_estimated_flow_beats_blend_on_rotation() -> None:
    height, width = 120, 160
    texture = make_texture(4 * 200, 4 * 240, 6, (8.0, 24.0))
    y, x = np.mgrid[:height, :width].astype(np.float64)

    def turned(angle: float) -> np.ndarray:
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = x - 80, y - 60
        return look_up(texture, cos * u + sin * v + 120, -sin * u + cos * v + 100).astype(np.float32)

    pictures = [turned(0.0), turned(0.08)]
    flows = estimate_pairs(pictures, [DisFlow()])
    made = prepare(pictures, [0, 1], flows).render(pictures, HALF).pixels
    inside = np.s_[12:-12, 12:-12]
    score = psnr(turned(0.04)[inside], made[inside])
    assert score > 36
    assert score > psnr(turned(0.04)[inside], ((pictures[0] + pictures[1]) / 2)[inside]) + 10


def test_hypotheses_that_fail_in_different_places_help(scene: Scene) -> None:
    pictures = [scene.picture(0), scene.picture(1)]
    good = [scene.flow(0, 1), scene.flow(1, 0)]
    broken = []
    for rows in (slice(0, 48), slice(48, 96)):
        flows = [flow.copy() for flow in good]
        for flow in flows:
            flow[rows] += (9, 7)
        broken.append(FlowPair(0, 1, flows[0], flows[1]))
    options = SynthesisOptions(merge_exponent=4.0)

    def score(pairs: list[FlowPair]) -> float:
        return psnr(
            scene.picture(0.5), prepare(pictures, [0, 1], pairs, options).render(pictures, HALF).pixels
        )

    single = [score([pair]) for pair in broken]
    assert score(broken) > max(single) + 1.5


def test_inverted_flows_help(scene: Scene) -> None:
    pictures = [scene.picture(0), scene.picture(1)]
    pairs = estimate_pairs(pictures, [DisFlow("fine")])
    truth, scores = scene.picture(0.5), []
    for inverses in (False, True):
        prepared = prepare(pictures, [0, 1], pairs, SynthesisOptions(inverses=inverses))
        assert len(prepared.candidates) == 2 + 2 * inverses
        scores.append(psnr(truth, prepared.render(pictures, HALF).pixels))
    assert scores[1] > scores[0] + 0.3


def test_softmax_ignores_a_constant(scene: Scene) -> None:
    prepared, pictures = prepare_scene(scene)
    shifted = replace(
        prepared,
        candidates=tuple(
            replace(entry, splat=entry.splat + np.float32(1000)) for entry in prepared.candidates
        ),
        options=SynthesisOptions(
            depth="only", depth_strength=1000.0
        ),  # so that no bound is promised that is broken
    )
    difference = np.abs(shifted.render(pictures, HALF).pixels - prepared.render(pictures, HALF).pixels)
    assert difference.max() < 1e-3  # 1000 + Z has 6e-5 of Z's digits left


def test_frames_pass_through_bit_for_bit(scene: Scene) -> None:
    prepared, pictures = prepare_scene(scene)
    odd = [picture.copy() for picture in pictures]
    odd[0][0, 0] = (np.nan, np.inf, -1e30)
    ids = [np.full((96, 128, 1), 7, np.uint32), np.full((96, 128, 1), 9, np.uint32)]
    for index, t in ((0, 0), (1, Fraction(1)), (0, 0.0)):
        out = np.empty_like(odd[0])
        made = prepared.render(odd, t, ids, out)
        assert made.pixels is out
        assert_same_bits(out, odd[index])
        assert (made.ids == ids[index]).all() and (made.confidence == 1).all() and not made.hole.any()


def test_any_channels_and_ids(scene: Scene) -> None:
    prepared, pictures = prepare_scene(scene)
    seven = [np.concatenate([picture * 100, picture, picture[..., :1] - 5], axis=2) for picture in pictures]
    ids = [
        np.where(scene.disc(t, scene.x, scene.y)[2], 0xDEADBEEF, 3).astype(np.uint32)[..., None]
        for t in (0, 1)
    ]
    plain, made = prepared.render(pictures, HALF), prepared.render(seven, HALF, ids)
    assert made.pixels.shape == (96, 128, 7) and made.ids.dtype == np.uint32
    np.testing.assert_allclose(made.pixels[..., :3], plain.pixels * 100, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(made.pixels[..., 6], plain.pixels[..., 0] - 5, atol=1e-5)
    assert set(np.unique(made.ids)) == {3, 0xDEADBEEF}
    truth = np.where(scene.disc(0.5, scene.x, scene.y)[2], 0xDEADBEEF, 3)
    assert np.mean(made.ids[..., 0] == truth) > 0.98


def test_strips_have_the_bits_of_the_whole(scene: Scene) -> None:
    prepared, pictures = prepare_scene(scene, SynthesisOptions(filter="lanczos4"), noise=0.5)
    whole = prepared.render(pictures, 0.3)
    for a, b in ((0, 20), (20, 61), (61, 96)):
        first, last = prepared.source_rows(a, b)
        parts = [picture[first:last] for picture in pictures]
        for made in (
            prepared.render(parts, 0.3, rows=(a, b), first_row=first),
            prepared.render(pictures, 0.3, rows=(a, b)),
        ):
            assert_same_bits(made.pixels, whole.pixels[a:b])
            assert np.array_equal(made.hole, whole.hole[a:b])
            assert np.array_equal(made.confidence, whole.confidence[a:b])
    with pytest.raises(UsageError, match="give rows"):
        prepared.render([picture[30:50] for picture in pictures], 0.3, rows=(35, 45), first_row=30)
    with pytest.raises(UsageError, match=r"rows 90\.\.97"):
        prepared.render(pictures, 0.3, rows=(90, 97))


def test_bits_do_not_depend_on_threads(scene: Scene) -> None:
    results = []
    for threads in (1, 2, 5):
        pictures = [scene.picture(0), scene.picture(1)]
        pairs = estimate_pairs(pictures, [DisFlow(threads=threads)])
        prepared = prepare(pictures, [0, 1], pairs, SynthesisOptions(inverses=True), threads=threads)
        results.append(prepared.render(pictures, 0.4, threads=threads).pixels)
    for other in results[1:]:
        assert_same_bits(other, results[0])


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (5, 3), (17, 33)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    pictures = [np.random.default_rng(seed).random((*size, 3)).astype(np.float32) for seed in (1, 2)]
    made = prepare(pictures, [0, 1], estimate_pairs(pictures, [DisFlow()])).render(pictures, HALF)
    assert made.pixels.shape == (*size, 3) and np.isfinite(made.pixels).all()
    low, high = np.minimum(*pictures).min(), np.maximum(*pictures).max()
    assert made.pixels.min() >= low - 1e-6 and made.pixels.max() <= high + 1e-6


def test_masked_pixels_are_not_used() -> None:
    pictures = [np.full((20, 20, 3), value, np.float32) for value in (0.2, 0.6)]
    pictures[0][:, :10] = 9.0  # rubbish outside of the data window
    still = np.zeros((20, 20, 2), np.float32)
    mask = np.ones((20, 20), bool)
    mask[:, :10] = False
    made = prepare(
        [np.clip(p, 0, 1) for p in pictures], [0, 1], {(0, 1): still, (1, 0): still}, mask=[mask, None]
    )
    pixels = made.render(pictures, HALF).pixels
    np.testing.assert_allclose(pixels[:, :9], 0.6, rtol=1e-5)
    assert pixels.max() < 1


def test_mistakes_are_named(scene: Scene) -> None:
    pictures = [scene.picture(0), scene.picture(1)]
    pair = [FlowPair(0, 1, scene.flow(0, 1), scene.flow(1, 0))]
    prepared = prepare(pictures, [0, 1], pair)
    bad = pictures[0].copy()
    bad[3, 2, 1] = np.inf
    with pytest.raises(InputError, match=r"image 0 has 1 NaN or infinite values, the first at x=2, y=3"):
        prepare([bad, pictures[1]], [0, 1], pair)
    wrong = pair[0].flow_ij.copy()
    wrong[5, 6] = np.nan
    with pytest.raises(InputError, match=r"the dis 0->1 has 2 NaN"):
        prepare(pictures, [0, 1], [FlowPair(0, 1, wrong, pair[0].flow_ji, name="dis")])
    with pytest.raises(InputError, match="no flow"):
        prepare(pictures, [0, 1], [])
    with pytest.raises(InputError, match="none 1->0"):
        prepare(pictures, [0, 1], {(0, 1): pair[0].flow_ij})
    with pytest.raises(InputError, match="128x96"):
        prepare([pictures[0], pictures[1][1:]], [0, 1], pair)
    with pytest.raises(UsageError, match="do not increase"):
        prepare(pictures, [1, 1], pair)
    with pytest.raises(UsageError, match="two of the 2"):
        prepare(pictures, [0, 1], [FlowPair(0, 2, pair[0].flow_ij, pair[0].flow_ji)])
    with pytest.raises(InputError, match="depth is to be used"):
        prepare(pictures, [0, 1], pair, SynthesisOptions(depth="add"))
    with pytest.raises(TimingError, match=r"time 1\.5"):
        prepared.render(pictures, 1.5)
    with pytest.raises(InputError, match="1 pixels were given for 2"):
        prepared.render(pictures[:1], HALF)
    with pytest.raises(InputError, match="pixels of frame 0 have shape"):
        prepared.render([picture[:, 1:] for picture in pictures], HALF)
    with pytest.raises(UsageError, match="footprint"):
        SynthesisOptions(footprint="round")
    with pytest.raises(UsageError, match="sigma"):
        SynthesisOptions(sigma=float("nan"))


def test_torch_is_welcome_and_agrees(scene: Scene) -> None:
    torch = pytest.importorskip("torch")
    prepared, pictures = prepare_scene(scene)
    expected = prepared.render(pictures, HALF)
    devices = ["cuda"] if torch.cuda.is_available() else []
    for device in devices:
        made = prepared.to(device).render(
            [torch.as_tensor(picture, device=device) for picture in pictures], HALF
        )
        assert made.pixels.device.type == device
        np.testing.assert_allclose(made.pixels.cpu().numpy(), expected.pixels, rtol=1e-4, atol=1e-4)
    back = prepared.to("cpu")
    assert_same_bits(back.render(pictures, HALF).pixels, expected.pixels)
    assert prepared.nbytes == 2 * 4 * 4 * 96 * 128


def test_the_default_path_never_imports_torch() -> None:
    code = """
import sys
import numpy as np
from retempo.flow.catalog import parse_flow
from retempo.synthesis.hypotheses import estimate_pairs
from retempo.synthesis.pipeline import prepare
frames = [np.random.default_rng(k).random((40, 50, 3)).astype(np.float32) for k in (0, 1)]
prepare(frames, [0, 1], estimate_pairs(frames, parse_flow("dis"))).render(frames, 0.5)
found = [name for name in ("torch", "OpenImageIO", "PyOpenColorIO", "av") if name in sys.modules]
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("settings", [ImportanceSettings(), ImportanceSettings(0, 0, 0, 0, 0, 0, 0)])
def test_a_still_scene_stays_still(settings: ImportanceSettings) -> None:
    picture = make_texture(30, 40, 8)
    still = np.zeros((30, 40, 2), np.float32)
    options = SynthesisOptions(importance=settings, inverses=True)
    prepared = prepare([picture, picture], [10, 11], [FlowPair(0, 1, still, still)], options)
    assert_same_bits(prepared.render([picture, picture], Fraction(31, 3)).pixels, picture)

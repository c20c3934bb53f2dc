"""Is the scene its own ground truth: repeatable, consistent, and as hard as it says?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from retempo.errors import UsageError
from retempo.scene.layers import LAYERS
from retempo.scene.sample_scene import EMPTY_DEPTH, STAGED_FRAMES, SampleScene, tone_map

WIDTH, HEIGHT = 480, 270


@pytest.fixture(scope="module")
def scene() -> SampleScene:
    return SampleScene(WIDTH, HEIGHT)


@pytest.fixture(scope="module")
def frame(scene: SampleScene) -> dict[str, np.ndarray]:
    return scene.render(8)


def fetch(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Bilinear image(p + flow(p)), clamped."""
    x = np.clip(np.arange(WIDTH) + flow[..., 0], 0, WIDTH - 1.001)
    y = np.clip(np.arange(HEIGHT)[:, None] + flow[..., 1], 0, HEIGHT - 1.001)
    i, j = x.astype(int), y.astype(int)
    u, v = (x - i)[..., None], (y - j)[..., None]
    top = image[j, i] * (1 - u) + image[j, i + 1] * u
    return top * (1 - v) + (image[j + 1, i] * (1 - u) + image[j + 1, i + 1] * u) * v


def shrink(mask: np.ndarray, steps: int) -> np.ndarray:
    """Only pixels whose neighbours at up to ``steps`` are in the mask, too."""
    for _ in range(steps):
        padded = np.pad(mask, 1)
        mask = mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask


def inside_layers(scene: SampleScene, t: float) -> np.ndarray:
    """Pixels with one and the same layer all around them, some pixels far."""
    top = scene.top_layer(t)
    return np.any([shrink(top == number, 4) for number in range(1, len(LAYERS) + 1)], axis=0)


def clearly_seen(scene: SampleScene, start: float, end: float) -> np.ndarray:
    """Pixels at ``start`` that are seen at ``end``, with no outline near them at either time."""
    there = inside_layers(scene, end)[..., None].astype(float)
    plain = fetch(there, scene.flow(start, end))[..., 0] > 0.999
    return inside_layers(scene, start) & scene.visible(start, end) & plain


def test_shapes_and_types(frame: dict[str, np.ndarray]) -> None:
    assert {key: (value.shape, value.dtype.name) for key, value in frame.items()} == {
        "rgba": ((HEIGHT, WIDTH, 4), "float32"),
        "id": ((HEIGHT, WIDTH), "uint32"),
        "depth": ((HEIGHT, WIDTH), "float32"),
        "forward": ((HEIGHT, WIDTH, 2), "float32"),
        "backward": ((HEIGHT, WIDTH, 2), "float32"),
    }
    assert all(np.isfinite(value).all() for value in frame.values())


def test_the_same_seed_is_the_same_scene(frame: dict[str, np.ndarray]) -> None:
    again = SampleScene(WIDTH, HEIGHT).render(8)
    other = SampleScene(WIDTH, HEIGHT, seed=2).render(8)
    assert all(np.array_equal(frame[key], again[key]) for key in frame)
    assert np.abs(other["rgba"] - frame["rgba"]).mean() > 0.02


@pytest.mark.parametrize("t", [0, 7.25, STAGED_FRAMES])
def test_alpha_ids_and_depth_agree(scene: SampleScene, t: float) -> None:
    made = scene.render(t)
    alpha, ids, depth = made["rgba"][..., 3], made["id"], made["depth"]
    assert alpha.min() == 0 and 0.999 < alpha.max() <= 1.0001
    assert 0.01 < (alpha == 0).mean() < 0.2
    assert ids[alpha > 0.5].all() and not ids[alpha == 0].any()
    found, known = set(np.unique(ids).tolist()), {0, *(layer.id for layer in LAYERS)}
    assert found <= known and len(found) >= len(known) - 1  # one may be hidden
    for layer in LAYERS:
        assert np.all(depth[ids == layer.id] == np.float32(layer.depth))
    assert np.all(depth[ids == 0] == EMPTY_DEPTH)
    empty = ids == 0
    assert not made["forward"][empty].any() and not made["backward"][empty].any()
    assert np.all(made["rgba"][alpha == 0] == 0)  # premultiplied


def test_ids_use_all_their_bits() -> None:
    for layer in LAYERS:
        assert int(np.float32(layer.id)) != layer.id  # lost when turned into a float value
        as_float = np.array([layer.id], np.uint32).view(np.float32)
        assert np.isfinite(as_float).all() and as_float[0] > 0
    assert len({layer.id for layer in LAYERS}) == len(LAYERS) >= 5


def test_layers_lie_back_to_front() -> None:
    depths = [layer.depth for layer in LAYERS]
    assert depths == sorted(depths, reverse=True) and depths[0] < EMPTY_DEPTH


@pytest.mark.parametrize("t", [0, 8.5, STAGED_FRAMES])
def test_highlights_over_ten(scene: SampleScene, t: float) -> None:
    rgb = scene.render(t)["rgba"][..., :3]
    assert rgb.max() > 30 and rgb.min() >= 0
    assert 2e-4 < (rgb.max(-1) > 10).mean() < 0.02
    assert np.median(rgb) < 0.5


@pytest.mark.parametrize(("start", "end"), [(8, 9), (8, 7), (8, 8.5), (3.25, 5)])
def test_flow_finds_the_same_picture(scene: SampleScene, start: float, end: float) -> None:
    here, there = scene.render(start)["rgba"], scene.render(end)["rgba"]
    flow = scene.flow(start, end)
    seen = clearly_seen(scene, start, end)
    error = (tone_map(fetch(there, flow)) - tone_map(here))[seen]
    still = (tone_map(there) - tone_map(here))[seen]
    assert seen.mean() > 0.45
    assert math.sqrt(np.mean(error**2)) < 0.009
    assert np.mean(still**2) > 25 * np.mean(error**2)


def test_there_and_back_is_nothing(scene: SampleScene) -> None:
    forward, backward = scene.flow(8, 9), scene.flow(9, 8)
    seen = clearly_seen(scene, 8, 9)
    assert seen.mean() > 0.45
    assert np.abs(forward + fetch(backward, forward))[seen].max() < 2e-3


def test_vectors_are_the_flow_to_the_neighbours(scene: SampleScene, frame: dict[str, np.ndarray]) -> None:
    assert np.array_equal(frame["forward"], scene.flow(8, 9))
    assert np.array_equal(frame["backward"], scene.flow(8, 7))
    assert not scene.flow(8, 8).any()


def test_motion_is_nearly_linear_between_frames() -> None:
    for layer in LAYERS:
        radius = math.hypot(*layer.half_size)
        assert max(layer.motion.curvature(radius, t) for t in range(STAGED_FRAMES)) < 0.04, layer.name


def test_half_the_flow_is_the_flow_to_the_middle(scene: SampleScene) -> None:
    assert np.abs(scene.flow(8, 9) / 2 - scene.flow(8, 8.5)).max() < 0.03


def test_speeds_and_occlusion_are_hard_enough(scene: SampleScene, frame: dict[str, np.ndarray]) -> None:
    speed = np.hypot(frame["forward"][..., 0], frame["forward"][..., 1]) * 960 / WIDTH
    medians = [np.median(speed[frame["id"] == layer.id]) for layer in LAYERS]
    assert min(medians) > 2 and 25 < max(medians) < 32
    hidden = ~scene.visible(8, 9) & (frame["id"] > 0)
    assert 0.01 < hidden.mean() < 0.15


def test_samples_sharpen_no_claims(scene: SampleScene, frame: dict[str, np.ndarray]) -> None:
    fine = scene.render(8, samples=2)
    assert np.array_equal(fine["id"], frame["id"])
    difference = np.abs(tone_map(fine["rgba"]) - tone_map(frame["rgba"]))
    assert 0 < difference.mean() < 0.01


@pytest.mark.parametrize("size", [(16, 16), (100, 300), (333, 77)])
def test_any_shape_of_frame(size: tuple[int, int]) -> None:
    made = SampleScene(*size).render(3.5)
    assert made["rgba"].shape == (size[1], size[0], 4)
    assert made["rgba"].max() > 1


def test_impossible_scenes() -> None:
    with pytest.raises(UsageError, match="8x8"):
        SampleScene(8, 8)
    with pytest.raises(UsageError, match="0 samples"):
        SampleScene(32, 18).render(0, samples=0)

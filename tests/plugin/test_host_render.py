"""Does the test host hand pictures to an effect, and take them back, in every form that hosts use?"""

from __future__ import annotations

import contextlib
import threading
import time as clock
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from host import FrameSequenceClip, OfxHost
from host.effect import Instance
from host.images import DEPTHS, from_depth, to_depth

FRAMES = {
    n: np.random.default_rng(n).uniform(0.0, 1.0, (6, 9, 4)).astype(np.float32) * np.float32(0.9)
    for n in range(10)
}


@contextlib.contextmanager
def node(
    bundle: Path,
    context: str = "retimer",
    speed: float | None = 0.5,
    host: dict[str, Any] | None = None,
    **clip: Any,
) -> Iterator[Instance]:
    """An instance over ``FRAMES``, retimed by a half."""
    frames = clip.pop("frames", FRAMES)
    with OfxHost(**(host or {})) as made:
        plugin = made.load(bundle)["test.dummy.Blend"]
        with plugin.create(context, {"Source": FrameSequenceClip(frames, **clip)}) as instance:
            if speed is not None and context == "retimer":
                instance.params["SourceTime"].animate(lambda t: t * speed)
            elif speed is not None:
                instance.params["speed"].set(speed)
            yield instance


def mix(time: float, frames: dict[int, np.ndarray] = FRAMES) -> np.ndarray:
    """What the dummy makes of a source time, in float."""
    low, high, phase = int(np.floor(time)), int(np.ceil(time)), time - np.floor(time)
    return (frames[low].astype(np.float64) * (1 - phase) + frames[high].astype(np.float64) * phase).astype(
        np.float32
    )


@pytest.mark.parametrize("context", ["retimer", "general", "filter"])
def test_each_context_retimes(dummy_bundles: dict[str, Path], context: str) -> None:
    with node(dummy_bundles["fully"], context) as instance:
        for time in (0, 3, 7):
            np.testing.assert_array_equal(instance.render(time), mix(time / 2))
        assert instance.last_render.frames == [("Source", 3.0), ("Source", 4.0)]
        assert instance.frames_needed(7)["Source"] == [(3.0, 4.0)]
        assert instance.is_identity(7) is None
        assert instance.is_identity(8) == ("Source", 4.0)


def test_an_animated_speed_is_integrated(dummy_bundles: dict[str, Path]) -> None:
    with node(dummy_bundles["fully"], "general", None) as instance:
        instance.params["speed"].keys({0: 0.0, 8: 1.0})
        np.testing.assert_allclose(instance.render(4), mix(1.0), atol=1e-6)
        np.testing.assert_allclose(instance.render(6), mix(2.25), atol=1e-6)


@pytest.mark.parametrize("depth", list(DEPTHS))
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_depths_and_components(dummy_bundles: dict[str, Path], depth: str, channels: int) -> None:
    frames = {n: frame[..., :channels] for n, frame in FRAMES.items()}
    with node(dummy_bundles["fully"], depth=depth, frames=frames) as instance:
        exact = instance.render(4)
        expected = from_depth(to_depth(frames[2], DEPTHS[depth]), DEPTHS[depth])
        np.testing.assert_array_equal(exact, expected)
        assert instance.clips["Output"].properties.get("OfxImageEffectPropPixelDepth") == DEPTHS[depth]
        raw = instance.render(4, raw=True)
        assert (
            raw is not None and raw.dtype == {"byte": "u1", "short": "u2", "half": "f2", "float": "f4"}[depth]
        )


@pytest.mark.parametrize(
    "layout",
    [
        {"negative_rows": True},
        {"padding": 20},
        {"origin": (5, -3)},
        {"margin": 2},
        {"negative_rows": True, "padding": 12, "origin": (-7, 11), "margin": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("variant", ["fully", "whole"])
def test_layouts_of_memory_change_nothing(
    dummy_bundles: dict[str, Path], variant: str, layout: dict[str, Any]
) -> None:
    with node(dummy_bundles[variant], **layout) as instance:
        np.testing.assert_array_equal(instance.render(5), mix(2.5))
        picture = instance.render(5, negative_rows=True, padding=8, margin=3)
        np.testing.assert_array_equal(picture, mix(2.5))


def test_region_of_definition_beyond_the_pixels_is_black(dummy_bundles: dict[str, Path]) -> None:
    with node(dummy_bundles["whole"], origin=(2, 3), rod=(0, 0, 14, 12)) as instance:
        picture = instance.render(4)
        assert picture is not None and picture.shape == (12, 14, 4)
        np.testing.assert_array_equal(picture[3:9, 2:11], FRAMES[2])
        picture[3:9, 2:11] = 0
        assert not picture.any()


def test_render_window_of_a_tiled_effect(dummy_bundles: dict[str, Path]) -> None:
    with node(dummy_bundles["fully"]) as instance:
        part = instance.render(5, window=(2, 1, 7, 4))
        np.testing.assert_array_equal(part, mix(2.5)[2:5, 2:7])
    with node(dummy_bundles["whole"]) as instance, pytest.raises(ValueError, match="no tiles"):
        instance.render(5, window=(2, 1, 7, 4))


def test_render_scale_gives_proxies(dummy_bundles: dict[str, Path]) -> None:
    frames = {n: np.kron(frame, np.ones((2, 2, 1), np.float32)) for n, frame in FRAMES.items()}
    with node(dummy_bundles["fully"], frames=frames) as instance:
        np.testing.assert_array_equal(instance.render(5, scale=(0.5, 0.5)), mix(2.5))


def test_fields_reach_the_effect_as_it_asked(dummy_bundles: dict[str, Path]) -> None:
    frames = {n: FRAMES[n] for n in range(3)}
    with node(dummy_bundles["fully"], "filter", 1.0, frames=frames, field_order="lower") as instance:
        np.testing.assert_array_equal(instance.render(1, field="both"), FRAMES[1])  # both fields interlaced
        np.testing.assert_array_equal(instance.render(1, field="lower"), FRAMES[1])
    with node(dummy_bundles["whole"], "filter", 1.0, frames=frames, field_order="lower") as instance:
        lower = instance.render(1, field="lower")  # doubled lines; rows 0, 2, 4 count from the bottom
        assert lower is not None
        np.testing.assert_array_equal(lower, np.repeat(FRAMES[1][1::2], 2, axis=0))
    with node(dummy_bundles["fully"], "filter", 1.0, frames=frames, image_field="both") as instance:
        np.testing.assert_array_equal(instance.render(1), FRAMES[1])  # progressive that says Both


def test_without_temporal_access_the_time_is_ignored(dummy_bundles: dict[str, Path]) -> None:
    with node(dummy_bundles["fully"], "filter", host={"temporal_access": False}) as instance:
        np.testing.assert_array_equal(instance.render(4), FRAMES[4])
        assert "time ignored" in {note.rule for note in instance.plugin.host.notes}


def test_missing_frames_are_black(dummy_bundles: dict[str, Path]) -> None:
    frames = {n: FRAMES[n] for n in (0, 1, 3)}
    with node(dummy_bundles["fully"], frames=frames) as instance:
        picture = instance.render(4)
        assert picture is not None and not picture.any()
        assert "no image" in {note.rule for note in instance.plugin.host.notes}


@pytest.mark.parametrize("variant", ["fully", "unsafe", "whole"])
def test_several_threads_render_at_once(dummy_bundles: dict[str, Path], variant: str) -> None:
    with node(dummy_bundles[variant]) as instance:
        pictures = instance.render_many(range(16), threads=4)
        for time, picture in pictures.items():
            np.testing.assert_array_equal(picture, mix(time / 2))


@pytest.mark.parametrize(("variant", "one", "all_"), [("unsafe", 1, 1), ("whole", 1, 2), ("fully", 2, 4)])
def test_declared_thread_safety_is_kept(
    dummy_bundles: dict[str, Path], variant: str, one: int, all_: int
) -> None:
    """Never more renders at once than the plugin can take, in an instance and among two."""
    nodes: list[Instance] = []
    seen: list[tuple[int, int]] = []
    together = threading.Event()

    def draw(time: float) -> np.ndarray:
        counts = [len(instance.active) for instance in nodes]
        seen.append((max(counts, default=0), sum(counts)))
        if sum(counts) > 1:
            together.set()
        elif variant == "fully" and sum(counts) == 1:
            together.wait(10)  # the first one stays until another joins it
        return FRAMES[int(time)]

    with OfxHost() as host:
        plugin = host.load(dummy_bundles[variant])["test.dummy.Blend"]
        clip = FrameSequenceClip(draw, rod=(0, 0, 9, 6), frame_range=(0, 9), continuous=True)
        nodes += [plugin.create("filter", {"Source": clip}) for _ in range(2)]
        jobs = [threading.Thread(target=node.render_many, args=(range(6), 2)) for node in nodes]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    assert max(most for most, _ in seen) <= one and max(total for _, total in seen) <= all_
    assert together.is_set() or variant != "fully"


def test_many_instances_come_and_go(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost() as host:
        plugin = host.load(dummy_bundles["fully"])["test.dummy.Blend"]
        for _ in range(20):
            with plugin.create("filter", {"Source": FrameSequenceClip(FRAMES)}) as instance:
                instance.render(1)
        assert plugin.instances == []


def test_abort_ends_a_render(dummy_bundles: dict[str, Path]) -> None:
    with node(dummy_bundles["fully"]) as instance:
        instance.params["fault"].set(20)
        assert instance.render(2, abort=0.02) is None
        log = instance.last_render
        assert log.aborted_after is not None and log.polls
        assert log.polls[-1] == log.aborted_after and 0 <= log.host_seconds < log.seconds
        stop = threading.Event()
        threading.Timer(0.02, stop.set).start()
        before = clock.perf_counter()
        assert instance.render(2, abort=stop.is_set) is None
        assert clock.perf_counter() - before < 5

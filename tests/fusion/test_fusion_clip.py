"""Which pixels are important, frame by frame, and does a stream give what the whole clip gives?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from retempo.fusion.clip import ClipFusion
from retempo.fusion.importance import (
    average,
    blur_box,
    difference,
    frame_change,
    longer_gradient,
    scene_change,
    static_weight,
)
from retempo.fusion.median import median_of, mode_of
from retempo.fusion.mixing import Solver
from retempo.fusion.options import FusionOptions
from retempo.fusion.space import to_log
from retempo.ops import susan

Picture = NDArray[np.float32]
PLAIN = FusionOptions(method="video", denoise=0, elsewhere="day")


class Clip:
    """A small night: a bright square walks over a dark street; counts what is read."""

    def __init__(self, count: int = 18, height: int = 24, width: int = 40) -> None:
        rng = np.random.default_rng(5)
        self.day = rng.random((height, width, 3)).astype(np.float32)
        self.frames = {}
        for number in range(1, count + 1):
            frame = (0.01 + 0.0005 * rng.standard_normal((height, width, 3))).astype(np.float32)
            frame[8:14, 2 * number : 2 * number + 5] = 1.5
            self.frames[number] = frame
        self.reads: list[int] = []

    def read(self, number: int) -> Picture:
        self.reads.append(number)
        return self.frames[number]

    def open(self, options: FusionOptions, **given: object) -> ClipFusion:
        return ClipFusion(self.read, tuple(self.frames), lambda number: self.day, options, **given)  # type: ignore[arg-type]


def all_at_once(clip: Clip, options: FusionOptions) -> list[Picture]:
    """The importance of every frame after hysteresis, from lists of whole clips, written down as the paper says it."""
    frames = [to_log(frame) for frame in clip.frames.values()]
    for _ in range(options.denoise):
        count, span = len(frames), options.span
        frames = [
            susan(
                frames[max(0, i - span) : i + span + 1], min(i, span),
                sigma=options.sigma, t=options.t, radius=options.radius,
            )
            for i in range(count)
        ]  # fmt: skip
    day = to_log(clip.day)
    weights = []
    for i, frame in enumerate(frames):
        other = frames[1] if i == 0 else frames[i - 1]
        weights.append(static_weight(frame, day, options) * frame_change(frame, other, options))
    reach = options.hysteresis
    return [np.mean(weights[max(0, i - reach) : i + reach + 1], axis=0) for i in range(len(weights))]


@pytest.mark.parametrize("denoise", [0, 2])
@pytest.mark.parametrize("hysteresis", [0, 1, 5])
def test_a_stream_is_the_whole_clip(hysteresis: int, denoise: int) -> None:
    clip = Clip()
    options = replace(PLAIN, hysteresis=hysteresis, denoise=denoise)
    wanted = all_at_once(clip, options)
    fusion = clip.open(options)
    for position, number in enumerate(clip.frames):
        assert np.abs(fusion.fuse(number).importance - wanted[position]).max() < 1e-6


@pytest.mark.parametrize(
    "options", [PLAIN, FusionOptions(method="video", denoise=2), FusionOptions(denoise=1)]
)
def test_any_frames_come_out_as_in_the_whole_clip(options: FusionOptions) -> None:
    """So a resumed job gives the same bits."""
    clip = Clip()
    fusion = clip.open(options)
    whole = {number: fusion.fuse(number) for number in clip.frames}
    some = clip.open(options)
    for number in (1, 2, 9, 10, 17):
        made = some.fuse(number)
        assert np.array_equal(made.picture, whole[number].picture)
        assert np.array_equal(made.importance, whole[number].importance)


def test_what_is_read_is_what_is_needed_and_once() -> None:
    for options in (PLAIN, FusionOptions(method="video", denoise=2)):
        clip = Clip()
        fusion = clip.open(options)
        for number in clip.frames:
            before = set(clip.reads)
            fusion.fuse(number)
            assert set(clip.reads) - before <= set(fusion.needs(number))
        assert sorted(clip.reads) == list(clip.frames)


def test_what_is_held_does_not_grow_with_the_clip() -> None:
    clip = Clip(17)
    fusion = clip.open(FusionOptions(method="video", denoise=1, hysteresis=2))
    held = []
    for number in clip.frames:
        fusion.fuse(number)
        held.append((len(fusion._weights), len(fusion._smoothed)))
    assert max(weights for weights, _ in held) <= 6
    assert held[4:8] == held[8:12]


def test_hysteresis_at_the_ends_of_a_clip() -> None:
    """There the mean is over the frames that exist: the square is in frame 1 of the first three."""
    clip = Clip()
    options = replace(PLAIN, hysteresis=2, soften=1)
    alone = clip.open(replace(options, hysteresis=0))
    single = {number: alone.fuse(number).importance for number in clip.frames}
    fusion = clip.open(options)
    made = {number: fusion.fuse(number).importance for number in clip.frames}
    last = max(clip.frames)
    for number, around in (
        (1, (1, 2, 3)),
        (2, (1, 2, 3, 4)),
        (9, (7, 8, 9, 10, 11)),
        (last, (last - 2, last - 1, last)),
    ):
        assert np.allclose(made[number], np.mean([single[one] for one in around], axis=0), atol=1e-6)
    assert single[1][10, 3] == 1  # the first frame is compared with the second


def test_one_frame_is_no_video_of_anything() -> None:
    clip = Clip(1)
    made = clip.open(PLAIN).fuse(1)
    assert not made.importance.any()
    assert np.abs(made.picture - clip.day).max() < 1e-4


def test_dynamic_finds_what_the_reference_has_not() -> None:
    clip = Clip()
    street = np.full_like(clip.day, 0.01)
    fusion = clip.open(FusionOptions(method="dynamic", soften=1), reference=lambda number: street)
    weight = fusion.fuse(6).importance
    assert (weight[8:14, 12:17] == 1).all()
    assert weight[:7].max() == 0
    nothing = clip.open(FusionOptions(method="dynamic"), reference=lambda number: clip.frames[number])
    made = nothing.fuse(6)
    assert not made.importance.any()
    assert np.abs(made.picture - clip.day).max() < 1e-4


@pytest.mark.parametrize("elsewhere", ["larger", "unimportant", "day"])
def test_a_black_matte_leaves_the_day(elsewhere: str) -> None:
    clip = Clip()
    options = replace(PLAIN, elsewhere=elsewhere)  # type: ignore[arg-type]
    black = np.zeros(clip.day.shape[:2], np.float32)
    made = clip.open(options, matte=lambda number: black).fuse(7)
    assert np.abs(made.picture - clip.day).max() < 1e-4
    half = clip.open(options, matte=lambda number: black + 0.5).fuse(7)
    assert np.allclose(half.importance, 0.5 * clip.open(options).fuse(7).importance)


def test_elsewhere_takes_the_longer_gradient() -> None:
    night, day = np.zeros((5, 12, 3), np.float32), np.zeros((5, 12, 3), np.float32)
    night[:, 6:], day[:, 9:] = 0.5, 0.1
    day[:, 2:] += 0.8
    options = FusionOptions(grow=0)
    assert longer_gradient(night, day, options)[2].tolist() == [one == 5 for one in range(12)]
    grown = longer_gradient(night, day, replace(options, grow=1))[2]
    assert grown.tolist() == [4 <= one <= 6 for one in range(12)]
    faint = longer_gradient(night * 0.03, day * 0, options)  # 0.015 is below the threshold of 5 codes
    assert not faint.any()


def test_screen_and_space_arrive() -> None:
    clip = Clip()
    plain = clip.open(PLAIN).fuse(5).picture
    screened = clip.open(replace(PLAIN, screen=0.01)).fuse(5).picture
    linear = clip.open(replace(PLAIN, space="linear")).fuse(5).picture
    assert np.abs(plain - screened).max() > 1e-3
    assert np.abs(plain - linear).max() > 1e-3
    solver = Solver()
    clip.open(PLAIN, solver=solver).fuse(5)
    assert solver.seconds > 0


# ---- measures


def test_static_weight_by_hand() -> None:
    night, day = np.zeros((4, 6, 3), np.float32), np.zeros((4, 6, 3), np.float32)
    night[1, 2] = 0.6
    day[1, 2] = 1.0
    options = FusionOptions(gradient_threshold=0.1, level_threshold=0.5)
    weight = static_weight(night, day, options)
    assert sorted(zip(*np.nonzero(weight), strict=True)) == [(0, 2), (1, 1), (1, 2)]
    assert not static_weight(night, day, replace(options, rule="larger")).any()
    assert static_weight(day, night, replace(options, rule="larger")).sum() == 3
    level = static_weight(np.full_like(night, 0.51), day, options)
    assert level.all()


def test_scene_change_ramps_from_the_threshold() -> None:
    one = np.zeros((3, 3, 3), np.float32)
    options = FusionOptions(motion_threshold=0.2, soften=1)
    for moved, wanted in ((0.2, 0.0), (0.3, 0.5), (0.4, 1.0), (5.0, 1.0)):
        assert np.allclose(scene_change(one, one + np.float32(moved), options), wanted, atol=1e-5)
    assert np.allclose(difference(one, one + np.array([3, 4, 0], np.float32)), np.sqrt(25 / 3))


def test_blur_box_is_a_mean_of_what_is_there() -> None:
    plane = np.random.default_rng(2).random((7, 9)).astype(np.float32)
    made = blur_box(plane, 5)
    assert made[3, 4] == pytest.approx(plane[1:6, 2:7].mean(), abs=1e-6)
    assert made[0, 0] == pytest.approx(plane[:3, :3].mean(), abs=1e-6)
    assert blur_box(plane, 1) is plane
    assert np.allclose(blur_box(np.ones((4, 4), np.float32), 9), 1)


def test_average_leaves_its_arguments_alone() -> None:
    planes = [np.full((2, 2), value, np.float32) for value in (1, 2, 6)]
    assert np.allclose(average(planes), 3)
    assert planes[0][0, 0] == 1


# ---- plates


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_median_is_numpys(count: int) -> None:
    frames = np.random.default_rng(count).random((count, 6, 5, 3)).astype(np.float32)
    assert np.array_equal(median_of(frames.copy()), np.median(frames, axis=0))
    frames[0, 2, 2] = np.nan
    known = np.nanmedian(frames, axis=0) if count > 1 else frames[0]
    assert np.array_equal(median_of(frames.copy()), known, equal_nan=True)


def test_mode_is_the_most_frequent_and_then_the_smallest() -> None:
    ids = np.array([[7, 3, 9], [7, 2, 8], [1, 2, 7], [1, 5, 6], [1, 4, 0xFFFFFFFF]], np.uint32)
    assert mode_of(ids).tolist() == [1, 2, 6]

"""Do the other two effects, in-betweens and vectors, do what the command line does?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from host.plugin import ActionFailed
from retempo_bundle import (
    INBETWEEN,
    VECTORS,
    choose,
    moving_frames,
    open_node,
)  # fmt: skip

FRAMES = moving_frames()


def test_a_picture_between_two_clips_is_that_between_two_frames(bundle: Path) -> None:
    first, second = ({1: FRAMES[number]} for number in (2, 3))
    clips = {"Source": FrameSequenceClip(first), "Second": FrameSequenceClip(second)}
    with open_node(bundle, clips, effect=INBETWEEN, params={"amount": 0.25}) as node:
        of_clips = node.render(1)
        assert node.frames_needed(1) == {"Source": [(1.0, 1.0)], "Second": [(1.0, 1.0)]} | {
            name: [(1.0, 1.0)] for name in node.frames_needed(1) if name not in ("Source", "Second")
        }
        node.params["amount"].set(1.0)
        assert node.is_identity(1) == ("Second", 1.0)
    numbers = {"amount": 0.25, "frameA": 2, "frameB": 3}
    with open_node(bundle, {"Source": FrameSequenceClip(FRAMES)}, effect=INBETWEEN, params=numbers) as node:
        assert node.frames_needed(1)["Source"] == [(2.0, 3.0)]
        of_frames = node.render(1)
        node.params["frameB"].set(5)
        assert node.frames_needed(1)["Source"] == [(2.0, 2.0), (5.0, 5.0)]
        assert node.render(1) is not None
    straight = {"speed": 0.25, "motionPath": "Linear"}
    with open_node(bundle, {"Source": FrameSequenceClip(FRAMES)}, params=straight) as node:
        retimed = node.render(6)  # 2.25
    np.testing.assert_array_equal(of_clips, of_frames)
    np.testing.assert_array_equal(of_clips, retimed)


def test_vectors_are_those_of_the_scene(bundle: Path) -> None:
    with open_node(
        bundle, {"Source": FrameSequenceClip(FRAMES)}, effect=VECTORS, params={"vectorPreset": "Retempo"}
    ) as node:
        assert node.frames_needed(3)["Source"] == [(2.0, 4.0)]
        assert node.frames_needed(1)["Source"] == [(1.0, 2.0)]
        motion = node.render(3)
        assert motion is not None
        middle = np.median(motion[8:-8, 12:-12].reshape(-1, 4), axis=0)
        np.testing.assert_allclose(np.abs(middle), [3.0, 1.0, 3.0, 1.0], atol=0.15)
        np.testing.assert_allclose(middle[:2], -middle[2:], atol=0.15)
        start = node.render(1)
        assert start is not None and not start[..., 2:].any()
        choose(node, "motion", "Confidence")
        sure = node.render(3)
        assert sure is not None and 0.9 < float(np.median(sure[8:-8, 12:-12, 0])) <= 1.0


def test_vectors_of_three_channels_and_small_depths(bundle: Path) -> None:
    rgb = {number: np.ascontiguousarray(frame[..., :3]) for number, frame in FRAMES.items()}
    clip = FrameSequenceClip(rgb, depth="byte")
    with open_node(bundle, {"Source": clip}, effect=VECTORS) as node:
        motion = node.render(2, raw=True)
        assert motion is not None and motion.shape[2] == 4 and motion.dtype in (np.float16, np.float32)


def test_nothing_is_made_without_temporal_access(bundle: Path) -> None:
    with open_node(
        bundle, {"Source": FrameSequenceClip(FRAMES)}, effect=VECTORS, temporal_access=False
    ) as node:
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "temporal access" in node.persistent_message.text

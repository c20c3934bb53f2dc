"""Do getTimeDomain, getFramesNeeded, isIdentity and render agree with each other at any time?"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip
from host.effect import Instance
from retempo_bundle import choose, moving_frames, open_node

from bits import assert_same_bits

FRAMES = moving_frames(7, (12, 16), first=-2)
FIRST, LAST = min(FRAMES), max(FRAMES)
MATTES = {
    number: np.where(np.mgrid[0:12, 0:16][1][..., None] < 8 - number, np.float32(1), np.float32(0)).repeat(
        4, 2
    )
    for number in FRAMES
}
OUTPUTS = ("Result", "Vectors", "Confidence", "Occlusion", "Foreground", "Background", "Matte")
LAYERS = OUTPUTS[4:]
TIMES = 250
"""For each of four ways of timing: a thousand in all."""


def set_randomly(node: Instance, timing: str, rng: np.random.Generator) -> None:
    """Some speed, keys, frames or rates, something for what is outside, a path and perhaps a cut."""
    if timing == "SourceTime":
        a, b = rng.uniform(-4, 8), rng.uniform(-2, 2)
        node.params["SourceTime"].animate(lambda time: a + b * time)
    elif timing == "Frame":
        keys = {int(one): float(rng.integers(-40, 90)) / 8 for one in rng.choice(40, 4, replace=False)}
        node.params["frame"].keys(keys)
    elif timing == "Frame rate":
        node.params["fpsIn"].set(float(rng.choice([12.0, 23.976, 24.0, 25.0, 59.94])))
        node.params["fpsOut"].set(float(rng.choice([24.0, 29.97, 30.0, 60.0])))
    elif rng.random() < 0.5:
        node.params["speed"].set(float(rng.integers(-24, 25)) / 8)
    else:
        node.params["speed"].keys({int(one): float(rng.integers(-8, 17)) / 8 for one in (-3, 4, 11)})
    choose(node, "outside", str(rng.choice(["Hold", "Loop", "Bounce", "Black"])))
    choose(node, "engine", str(rng.choice(["Motion", "Motion", "Nearest"])))
    choose(node, "motionPath", str(rng.choice(["Linear", "Quadratic"])))
    node.params["cuts"].set(str(rng.choice(["", "", "1", "0,3"])))
    choose(node, "output", str(rng.choice(["Result", "Result", *OUTPUTS])))
    if output_of(node) != "Result":
        choose(node, "engine", "Motion")


def output_of(node: Instance) -> str:
    """The chosen output."""
    return OUTPUTS[node.params["output"].value]


def check_time(node: Instance, time: float) -> tuple[bool, bool]:
    """All that is said of a time; whether it was identity and whether black."""
    announced = node.frames_needed(time)
    identity = node.is_identity(time)
    made = node.render(time)  # the strict host refuses a fetch that getFramesNeeded has not announced
    fetched, mattes = (
        {frame for name, frame in node.last_render.frames if name == clip} for clip in ("Source", "Matte")
    )
    covered, covered_mattes = (
        {float(one) for a, b in announced.get(clip, []) for one in range(math.ceil(a), math.floor(b) + 1)}
        for clip in ("Source", "Matte")
    )
    output = output_of(node)
    if identity is not None:
        clip, frame = identity
        assert output == "Result" and clip == "Source" and FIRST <= frame <= LAST
        assert covered == {frame} and fetched == {frame}
        assert_same_bits(made, FRAMES[int(frame)])
        return True, False
    if not fetched:
        assert not made.any()
        return False, True
    assert fetched == covered and all(FIRST <= frame <= LAST for frame in fetched)
    assert mattes in (set(), fetched) and (mattes or output not in LAYERS)
    assert not mattes or mattes == covered_mattes  # of a clip that is not used the host has its own idea
    first, last = min(fetched), max(fetched)
    assert len(fetched) == last - first + 1, "neighbours"
    cuts = [float(cut) for cut in node.params["cuts"].value.split(",") if cut]
    if output == "Vectors":
        assert not mattes and made.any() and fetched == of_picture(node, time, cuts)
        return False, False
    assert not [cut for cut in cuts if first < cut <= last], "of one shot"
    ends = {FIRST, LAST, *cuts, *(cut - 1 for cut in cuts)}
    if first == last:
        assert output != "Result", "a whole picture is passed on"
        return False, False
    curved = node.params["engine"].value == 0 and node.params["motionPath"].value == 1
    assert len(fetched) in ((4,) if curved and not {first, last} & ends else (2, 3, 4) if curved else (2,))
    return False, False


def of_picture(node: Instance, time: float, cuts: list[float]) -> set[float]:
    """The frames whose motion is that of the picture at a time: those it is made of, or around the one it is."""
    choose(node, "output", "Result")
    identity = node.is_identity(time)
    ((first, last),) = node.frames_needed(time)["Source"]
    choose(node, "output", "Vectors")
    if identity is None:
        return {float(frame) for frame in range(int(first), int(last) + 1)}
    _, here = identity
    shot = sum(cut <= here for cut in cuts)
    around = {here - 1, here, here + 1}
    return {frame for frame in around if FIRST <= frame <= LAST and sum(cut <= frame for cut in cuts) == shot}


@pytest.mark.parametrize("timing", ["Speed", "Frame", "Frame rate", "SourceTime"])
def test_all_answers_agree(bundle: Path, timing: str) -> None:
    rng = np.random.default_rng(sum(map(ord, timing)))
    context = "retimer" if timing == "SourceTime" else "general"
    params = {} if timing == "SourceTime" else {"timing": timing}
    found = {"identity": 0, "black": 0, "between": 0}
    clips = {"Source": FrameSequenceClip(FRAMES), "Matte": FrameSequenceClip(MATTES)}
    with open_node(bundle, clips, context, params=params) as node:
        for count in range(TIMES):
            if count % 10 == 0:
                set_randomly(node, timing, rng)
                check_domain(node, timing)
            fine = rng.integers(0, 3)  # whole frames, fractions with small denominators, anything
            time = float(rng.integers(-12, 40)) / (1, 8, 1)[fine] + (rng.random() if fine == 2 else 0.0)
            identity, black = check_time(node, time)
            found["identity" if identity else "black" if black else "between"] += 1
    assert all(count > TIMES // 50 for count in found.values()), found


def check_domain(node: Instance, timing: str) -> None:
    """Within the domain nothing is outside of the source: black where there is none must not come there."""
    if timing == "SourceTime":
        return
    domain = node.time_domain()
    if domain is None:
        return
    outside = node.params["outside"].value
    choose(node, "outside", "Black")
    for time in (domain[0], (domain[0] + domain[1]) // 2, domain[1]):
        assert node.frames_needed(time)["Source"], f"{time} of {domain} is black"
        node.render(time)
        assert node.last_render.fetches, f"{time} of {domain} is black"
    node.params["outside"].set(outside)

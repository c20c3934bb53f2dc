"""Does a network's colour arrive as it made it, and do alpha, data and ids come along, halves of halves included?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plates import LINEAR, Program, make_shot, picture, planes, raw, write_image
from retempo.errors import UsageError
from retempo.io.frame import make_layer
from retempo.models import registry
from retempo.models.base import Capabilities, Fields, Made, as_time, check_window, only_halfway
from retempo.models.engine import Engine, Recipe, Variant
from retempo.render.network import look_around
from retempo.render.settings import RetimeSettings

torch = pytest.importorskip("torch", reason="engines with a network need PyTorch")

MOVED = 2
"""Pixels a frame to the right, as ``picture`` moves."""


class Window:
    """What a toy engine knows of a window."""

    def __init__(self, images: Sequence[Any], capabilities: Capabilities, log: list[Any]) -> None:
        self.images, self.capabilities, self.log = images, capabilities, log

    @property
    def nbytes(self) -> int:
        return sum(image.nbytes for image in self.images)

    def render(self, time: Any) -> Made:
        middle = len(self.images) // 2
        one, other = self.images[middle - 1 : middle + 1]
        if not self.capabilities.any_time:
            only_halfway(time, one)
        phase = as_time(time, one)
        self.log.append(float(phase.mean()))
        made = one * (1 - phase) + other * phase
        if not self.capabilities.fields:
            return Made(made)
        still = torch.zeros_like(one[:, :1])
        there, back = (torch.cat([still + way, still], 1) for way in (-MOVED * phase, MOVED * (1 - phase)))
        return Made(made, Fields(there, back, (1 - phase).expand_as(still)))


class Toy:
    """An engine that mixes two pictures in flow space, and says where everything would be if it moved."""

    def __init__(self, name: str, capabilities: Capabilities, log: list[Any]) -> None:
        self.name, self.capabilities, self.log = name, capabilities, log

    def prepare(self, images: Sequence[Any]) -> Window:
        check_window(images, self.capabilities.frames)
        self.log.append([round(float(image.mean()), 4) for image in images])
        return Window(images, self.capabilities, self.log)


def engine(name: str, log: list[Any], **capabilities: Any) -> Engine:
    able = Capabilities(**{"any_time": True, **capabilities})
    return Engine(
        name, name.title(), "none", able, (Variant("plain", "", 0),),
        build=lambda variant: torch.nn.Identity(),
        adapt=lambda network, name: Toy(name, able, log),
        convert=lambda state, variant: dict(state),
        objective=lambda variant: lambda network, batch: batch.truth.mean(),
        recipe=Recipe(),
    )  # fmt: skip


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the toys were asked: the means of the pictures of a window, and instants."""
    said: list[Any] = []
    toys = {
        "mixer": engine("mixer", said),
        "mover": engine("mover", said, fields=True),
        "halver": engine("halver", said, any_time=False),
        "halfmover": engine("halfmover", said, any_time=False, fields=True),
        "wide": engine("wide", said, frames=4),
    }
    monkeypatch.setattr(registry, "find_engine", lambda name: toys[name])
    return said


def retime(
    retempo: Program, source: Path, folder: Path, *flags: object, speed: str = "1/4"
) -> dict[str, Any]:
    out = folder / "out.####.exr"
    return retempo.done(
        "retime", source, "-o", out, "--speed", speed, "--output-start", 0, "--quiet", *LINEAR, *flags
    )


def test_colour_is_mixed_where_the_network_sees_it(retempo: Program, tmp_path: Path, log: list[Any]) -> None:
    """Flow space is logarithmic: the mean of 1 and 100 there is far from 50.5."""
    for number, light in ((1, 1.0), (2, 100.0)):
        flat = np.full((8, 12, 3), light, np.float32)
        write_image(tmp_path / f"flat.{number:04d}.exr", make_layer(flat, "RGB"))
    retime(retempo, tmp_path / "flat.####.exr", tmp_path, "--engine", "mixer", speed="1/2")
    made = planes(tmp_path / "out.0001.exr", "RGB")
    assert made.min() == made.max() and 2.0 < made[0, 0, 0] < 6.0
    assert raw(tmp_path / "out.0000.exr").keys() == raw(tmp_path / "flat.0001.exr").keys()
    for out, source in (("out.0000", "flat.0001"), ("out.0002", "flat.0002")):
        mine, theirs = raw(tmp_path / f"{out}.exr"), raw(tmp_path / f"{source}.exr")
        assert all(np.array_equal(mine[key], theirs[key]) for key in theirs), "source frames are copied"


def test_a_network_that_changes_nothing_gives_the_light_back(
    retempo: Program, tmp_path: Path, log: list[Any]
) -> None:
    rng = np.random.default_rng(1)
    grey = np.exp(rng.uniform(-6, 9, (16, 20, 1)))
    light = (grey * rng.uniform(0.3, 1.0, (16, 20, 3))).astype(np.float32)
    for number in (1, 2):
        write_image(tmp_path / f"same.{number:04d}.exr", make_layer(light, "RGB", formats="float"))
    retime(retempo, tmp_path / "same.####.exr", tmp_path, "--engine", "mixer", speed="1/2")
    np.testing.assert_allclose(planes(tmp_path / "out.0001.exr", "RGB"), light, rtol=3e-3)


@pytest.mark.parametrize("name", ["mover", "halfmover"])
def test_fields_carry_alpha_data_and_ids(retempo: Program, tmp_path: Path, log: list[Any], name: str) -> None:
    """Everything moves two pixels a frame, so at a half and at quarters data lie where whole and half pixels say."""
    edge = 20
    for number in (1, 2):
        x = np.arange(64)[None, :] - MOVED * number
        inside = np.broadcast_to(x >= edge, (36, 64))
        pixels = np.concatenate(
            [picture(number), inside[..., None], np.broadcast_to(x[..., None], (36, 64, 1))], 2
        ).astype(np.float32)
        ids = np.where(inside, 0xFFFFFFFF, 7).astype(np.uint32)[..., None]
        layer = make_layer(pixels, ("R", "G", "B", "A", "Z"), ids=ids, id_names=("id",), formats="float")
        write_image(tmp_path / f"shot.{number:04d}.exr", layer)
    retime(retempo, tmp_path / "shot.####.exr", tmp_path, "--engine", name, "--filter", "bilinear")
    for output in (1, 2, 3):
        moved = MOVED * (1 + output / 4)
        found = planes(tmp_path / f"out.{output:04d}.exr", ("Z", "A"))[:, 4:-4]
        x = np.arange(64)[4:-4] - moved
        np.testing.assert_allclose(found[..., 0], np.broadcast_to(x, found.shape[:2]), atol=2e-5)
        sure = np.abs(x - edge + 0.5) > 1
        assert np.array_equal(found[:, sure, 1], np.broadcast_to(x[sure] >= edge, (36, sure.sum())))
        ids = raw(tmp_path / f"out.{output:04d}.exr")[0, "id"][:, 4:-4]
        assert np.array_equal(
            ids[:, sure], np.broadcast_to(np.where(x[sure] >= edge, 0xFFFFFFFF, 7), (36, sure.sum()))
        )


@pytest.mark.parametrize("name", ["mixer", "halver"])
def test_without_fields_the_splatting_moves_the_rest(
    retempo: Program, plate: Path, tmp_path: Path, log: list[Any], name: str
) -> None:
    source = plate / "plate.####.exr"
    flags = ("--frames", "1002-1003", "--flow", "vectors", "--motion", "linear")
    retime(retempo, source, tmp_path / "net", "--engine", name, *flags)
    retime(retempo, source, tmp_path / "splat", *flags)
    for output in (1, 2, 3):
        made, moved = (raw(tmp_path / folder / f"out.{output:04d}.exr") for folder in ("net", "splat"))
        same = {key[1]: np.array_equal(made[key], moved[key]) for key in moved}
        assert not any(same[channel] for channel in "RGB")
        assert all(same[channel] for channel in same if channel not in "RGB"), same


def test_halves_of_halves_are_made_once(retempo: Program, tmp_path: Path, log: list[Any]) -> None:
    source = make_shot(tmp_path, (1, 2))
    retime(retempo, source, tmp_path, "--engine", "halver")
    assert len([one for one in log if isinstance(one, list)]) == 3, "1/2, 1/4 and 3/4: three runs"
    assert [one for one in log if isinstance(one, float)] == [0.5, 0.5, 0.5]
    log.clear()
    retime(retempo, source, tmp_path / "thirds", "--engine", "halver:plain,depth=2", speed="1/3")
    assert len([one for one in log if isinstance(one, list)]) == 3, "1/3 and 2/3 as 1/4 and 3/4"


def test_any_instant_comes_from_one_window(retempo: Program, tmp_path: Path, log: list[Any]) -> None:
    retime(retempo, make_shot(tmp_path, (1, 2)), tmp_path, "--engine", "mixer")
    assert len([one for one in log if isinstance(one, list)]) == 1
    assert [one for one in log if isinstance(one, float)] == [0.25, 0.5, 0.75]


def test_a_window_of_four_repeats_the_ends(retempo: Program, tmp_path: Path, log: list[Any]) -> None:
    for number in (1, 2, 3, 4):
        flat = np.full((8, 12, 3), 0.1 * number, np.float32)
        write_image(tmp_path / f"flat.{number:04d}.exr", make_layer(flat, "RGB"))
    retime(retempo, tmp_path / "flat.####.exr", tmp_path, "--engine", "wide", speed="1/2")
    windows = [one for one in log if isinstance(one, list)]
    one, two, three, four = sorted({mean for window in windows for mean in window})
    assert windows == [[one, one, two, three], [one, two, three, four], [two, three, four, four]]
    assert look_around([3, 5, 9], 3, 4) == (3, 3, 5, 9) and look_around([3, 5, 9], 5, 2) == (5, 9)


def test_dry_run_states_the_schedule(retempo: Program, tmp_path: Path, log: list[Any]) -> None:
    source = make_shot(tmp_path, (1, 2))
    command = ("retime", source, "-o", tmp_path / "o.####.exr", "--speed", "1/3", "--dry-run")
    facts = retempo.done(*command, "--engine", "halver:plain,depth=3")
    assert facts["halvings"] == [
        "halver:plain,depth=3: 1/3 = 1/2 > 1/4 > 3/8, off by 0.0417",
        "halver:plain,depth=3: 2/3 = 1/2 > 3/4 > 5/8, off by 0.0417",
    ]
    assert "halvings" not in retempo.done(*command, "--engine", "mixer")


def test_what_a_network_cannot_do_is_refused(retempo: Program, tmp_path: Path, log: list[Any]) -> None:
    with pytest.raises(UsageError, match="overlay"):
        RetimeSettings(engine="mixer", overlay="auto")
    with pytest.raises(UsageError, match="'colour=red'"):
        RetimeSettings(engine="mixer:plain,colour=red")
    with pytest.raises(UsageError, match="no variant 'huge'"):
        RetimeSettings(engine="mixer:huge")
    with pytest.raises(UsageError, match="depth"):
        RetimeSettings(engine="mixer:plain,depth=2")
    grey = make_layer(np.zeros((8, 8, 1), np.float32), ("Z",))
    for number in (1, 2):
        write_image(tmp_path / f"grey.{number:04d}.exr", grey)
    done = retempo("retime", tmp_path / "grey.####.exr", "-o", tmp_path / "o.####.exr", "--engine", "mixer")
    assert done.code == 3 and "no colour" in done.err
    assert not list(tmp_path.glob("o.*"))


def test_the_choice_is_part_of_the_fingerprint(log: list[Any]) -> None:
    prints = {
        RetimeSettings(engine=text).fingerprint()
        for text in ("splatsyn", "mixer", "halver", "halver:plain,depth=2")
    }
    assert len(prints) == 4
    assert RetimeSettings(engine="wide").window == 4 == RetimeSettings(engine="mixer").window
    assert RetimeSettings(engine="mover").window == 2


def test_unknown_engines_are_named() -> None:
    with pytest.raises(UsageError, match=r"no engine 'filn'.*splatsyn, film, ifrnet"):
        RetimeSettings(engine="filn")


NETWORKS = tuple(name for name in registry.ENGINES if name != "splatsyn")


SLOW = [pytest.param(name, marks=pytest.mark.slow if name == "cspa" else ()) for name in NETWORKS]


@pytest.mark.parametrize("name", SLOW)
def test_every_engine_makes_frames_of_every_channel(
    retempo: Program, plate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path / "weights"))
    source, out = plate / "plate.####.exr", tmp_path / "out.####.exr"
    flags = (
        "--frames",
        "1002-1003",
        "--speed",
        "1/2",
        "--output-start",
        0,
        "--quiet",
        "--threads",
        1,
        *LINEAR,
    )
    refused = retempo("retime", source, "-o", out, *flags, "--engine", name)
    assert refused.code == 8 and "no weights here" in refused.err and not list(tmp_path.glob("out.*"))
    retempo.done("retime", source, "-o", out, *flags, "--engine", name, "--allow-untrained")
    made, known = raw(tmp_path / "out.0001.exr"), raw(plate / "plate.1002.exr")
    assert {key: (value.shape, value.dtype) for key, value in made.items()} == {
        key: (value.shape, value.dtype) for key, value in known.items()
    }
    seen = planes(tmp_path / "out.0001.exr", ("R", "G", "B", "A", "Z"))
    assert np.isfinite(seen).all() and seen[..., 3].min() >= 0.0 and seen[..., 3].max() <= 1.001
    stood = np.union1d(raw(plate / "plate.1002.exr")[0, "id"], raw(plate / "plate.1003.exr")[0, "id"])
    assert np.isin(made[0, "id"], stood).all(), "an id is one that stood in a source frame"

"""Which frames become samples, which are kept back, and what does a variation leave as it is?"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from plates import write_image
from retempo.errors import InputError, UsageError
from retempo.flow.neural.measures import look_up
from retempo.io.frame import make_layer
from retempo.io.rgb import Rgb
from retempo.models.base import Capabilities
from retempo.models.engine import Batch
from retempo.train.indices import add_flows, add_index
from retempo.train.reels import Reel, find_reels, hold_out
from retempo.train.scenes import Scenes
from retempo.train.variation import CHANGES, check_names, join, vary
from retempo.train.windows import Windows, frames_needed

HALFWAY, ANY = Capabilities(any_time=False), Capabilities(any_time=True)
FOUR, ANY_FOUR = Capabilities(any_time=False, frames=4), Capabilities(any_time=True, frames=4)


def write_numbers(folder: Path, names: list[str], first: int = 1) -> None:
    """Pictures of 24x16 whose colour is ten times their number, the last column black."""
    for number, name in enumerate(names, first):
        grey = np.full((16, 24, 3), number * 10 / 255, np.float32)
        grey[:, -1] = 0
        write_image(folder / name, make_layer(grey, "RGB", formats="uint8"))


def flat(count: int, name: str = "flat", *, cut: int = 10_000, uncut: bool = False) -> Reel:
    """A reel whose pictures are as bright as their number; from ``cut`` on, 200 brighter."""

    def read(number: int) -> Rgb:
        return np.full((20, 30, 3), number + 200 * (number >= cut), np.uint8)

    return Reel(name, read, range(5, 5 + count), uncut)


def levels(batch: Batch) -> list[list[float]]:
    """Numbers of the pictures of each sample: the window, then the truth."""
    return [
        [round(float(one[at].mean() * 255), 3) for one in (*batch.frames, batch.truth)]
        for at in range(len(batch.truth))
    ]


def test_sets_and_footage_become_reels(tmp_path: Path) -> None:
    three, seven = tmp_path / "tri", tmp_path / "sep"
    for clip in ("00001/0001", "00001/0002", "00002/0001"):
        write_numbers(three / "sequences" / clip, [f"im{n}.png" for n in (1, 2, 3)])
    write_numbers(seven / "a", [f"im{n}.png" for n in range(1, 8)])
    write_numbers(tmp_path / "gap", ["shot.0001.png", "shot.0002.png", "shot.0003.png"])
    write_numbers(tmp_path / "gap", ["shot.0007.png", "shot.0008.png"], first=7)
    assert [(reel.name, len(reel.numbers), reel.uncut) for reel in find_reels([three])] == [
        ("00001/0001", 3, True), ("00001/0002", 3, True), ("00002/0001", 3, True)
    ]  # fmt: skip
    (three / "tri_testlist.txt").write_text("00001/0002\n")
    assert [reel.name for reel in find_reels([three])] == ["00001/0001", "00002/0001"]
    (three / "tri_trainlist.txt").write_text("00002/0001\n")
    assert [reel.name for reel in find_reels([three])] == ["00002/0001"]
    (septuplet,) = find_reels([seven])
    assert list(septuplet.numbers) == [1, 2, 3, 4, 5, 6, 7] and septuplet.read(4)[0, 0, 0] == 40
    assert [list(reel.numbers) for reel in find_reels([tmp_path / "gap"])] == [[1, 2, 3], [7, 8]]
    assert not find_reels([tmp_path / "gap"])[0].uncut
    with pytest.raises(InputError, match="holds no vimeo-septuplet"):
        find_reels([tmp_path / "gap"], "vimeo-septuplet")
    with pytest.raises(UsageError, match="no layout"):
        find_reels([seven], "octuplet")


@pytest.mark.parametrize("able", [HALFWAY, ANY, FOUR, ANY_FOUR], ids=["halfway", "any", "four", "any four"])
def test_windows_are_even_and_the_truth_is_where_the_time_says(able: Capabilities) -> None:
    batch = Windows([flat(40)], able, widest=6).draw(60, 16, (), torch.Generator().manual_seed(1))
    assert len(batch.frames) == able.frames and batch.truth.shape == (60, 3, 16, 16)
    spacings, times = set(), set()
    for sample, time in zip(levels(batch), batch.time.flatten().tolist(), strict=True):
        *window, truth = sample
        steps = {round(b - a) for a, b in itertools.pairwise(window)}
        assert len(steps) == 1, "one spacing"
        middle = len(window) // 2
        assert truth == pytest.approx(window[middle - 1] + time * min(steps))
        spacings |= steps
        times.add(round(time, 3))
    assert spacings == ({2, 3, 4, 5, 6} if able.any_time else {2, 4, 6})
    assert (times == {0.5}) is not able.any_time and min(times) > 0 and max(times) < 1


def test_triplets_and_septuplets_give_what_engines_need() -> None:
    chance = torch.Generator().manual_seed(0)
    triplet, septuplet = flat(3, uncut=True), flat(7, uncut=True)
    assert set(map(tuple, levels(Windows([triplet], ANY).draw(4, 8, (), chance)))) == {(5, 7, 6)}
    assert set(map(tuple, levels(Windows([septuplet], ANY_FOUR).draw(4, 8, (), chance)))) == {
        (5, 7, 9, 11, 8)
    }
    found = {tuple(one) for one in levels(Windows([septuplet], HALFWAY).draw(80, 8, (), chance))}
    assert (5, 11, 8) in found and (5, 9, 7) in found and (9, 11, 10) in found
    assert frames_needed(ANY) == 3 and frames_needed(FOUR) == 7
    with pytest.raises(InputError, match="3 frames in a row, and this engine trains on 7"):
        Windows([triplet], FOUR)
    with pytest.raises(InputError, match="30x20"):
        Windows([triplet], ANY).draw(1, 24, (), chance)


def test_nothing_is_learned_across_cuts() -> None:
    reel = flat(30, cut=20)
    batch = Windows([reel], HALFWAY).draw(40, 8, (), torch.Generator().manual_seed(2))
    assert all(max(sample) - min(sample) < 50 for sample in levels(batch))
    assert {sample[0] > 100 for sample in levels(batch)} == {False, True}, "both shots are used"
    with pytest.raises(InputError, match="was cut"):
        Windows([flat(3, cut=6)], HALFWAY).draw(1, 8, (), torch.Generator())
    uncut = Windows([flat(3, cut=6, uncut=True)], HALFWAY).draw(1, 8, (), torch.Generator())
    assert levels(uncut) == [[5, 207, 206]], "a set's clips are taken as they are"


def test_the_last_frames_are_kept_back() -> None:
    train, kept = hold_out([flat(100, "a"), flat(100, "b")], 3)
    assert [(reel.name, reel.numbers) for reel in train] == [("a", range(5, 105)), ("b", range(5, 95))]
    assert [(reel.name, reel.numbers) for reel in kept] == [("b", range(95, 105))]
    train, kept = hold_out([flat(3, str(at)) for at in range(40)], 3)
    assert [reel.name for reel in kept] == ["38", "39"] and len(train) == 38
    train, kept = hold_out([flat(20)], 7)
    assert [reel.numbers for reel in (*train, *kept)] == [range(5, 18), range(18, 25)]
    with pytest.raises(InputError, match="--held-out"):
        hold_out([flat(8)], 7)


@pytest.mark.parametrize("name", [name for name in CHANGES if name not in ("colours", "jitter")])
def test_motion_turns_with_the_pictures(name: str) -> None:
    """Along the flows the frames look like the truth, whatever was done to all of them."""
    source = Scenes(ANY, layers=2, fastest=8)
    changed = 0
    for seed in range(3):
        plain = source.draw(2, 64, (), torch.Generator().manual_seed(seed))
        varied = vary(plain, [name], torch.Generator().manual_seed(seed + 10))
        changed += not torch.equal(plain.frames[0], varied.frames[0])
        assert varied.flows is not None
        for frame, flow in zip(varied.frames, varied.flows, strict=True):
            along = (look_up(frame, flow) - varied.truth).abs().mean(1).median()
            assert along < 0.02 and along < 0.5 * (frame - varied.truth).abs().mean(1).mean()
        turned = 1 - plain.time if name == "reverse" and changed else plain.time
        assert torch.equal(varied.time, plain.time) or torch.equal(varied.time, turned)
    assert changed


def test_colours_change_alike_in_all_frames() -> None:
    chance = torch.Generator().manual_seed(4)
    same = torch.rand(1, 3, 8, 8, generator=chance)
    batch = Batch((same, same), same, torch.full((1, 1, 1, 1), 0.5))
    for name in ("colours", "jitter"):
        varied = [vary(batch, [name], chance) for _ in range(8)]
        assert any(not torch.equal(one.truth, same) for one in varied)
        for one in varied:
            assert torch.equal(one.truth, one.frames[0]) and torch.equal(one.truth, one.frames[1])
            assert float(one.truth.min()) >= 0 and float(one.truth.max()) <= 1
    exchanged = vary(batch, ["colours"], chance).truth
    assert torch.equal(exchanged.sort(1).values, same.sort(1).values)
    with pytest.raises(UsageError, match="'blur'"):
        check_names(["mirror", "blur"])


def test_a_map_of_instants_is_turned_but_not_back_in_time() -> None:
    picture, ramp = torch.rand(1, 3, 4, 4), torch.linspace(0, 1, 4).expand(1, 1, 4, 4)
    batch = Batch((picture, picture + 1), picture, ramp)
    turned = [vary(batch, ["mirror", "reverse"], torch.Generator().manual_seed(seed)) for seed in range(8)]
    assert {tuple(one.time[0, 0, 0].tolist()) for one in turned} == {
        tuple(ramp[0, 0, 0].tolist()), tuple(ramp[0, 0, 0].flip(0).tolist())
    }  # fmt: skip
    assert all(one.frames[1].mean() > one.frames[0].mean() for one in turned)


def test_painted_distances_are_the_time_where_motion_is_even() -> None:
    """Without acceleration, turns and bends every pixel has gone as far as the clock; others have not."""
    chance = torch.Generator().manual_seed(3)
    batch = Scenes(ANY, index=True, fastest=20).draw(4, 64, (), chance)
    assert batch.time.shape == (4, 1, 64, 64) and 0 <= float(batch.time.min()) <= float(batch.time.max()) <= 1
    assert batch.time.flatten(1).std(1).max() > 0.01
    clock = torch.stack([one.median() for one in batch.time])
    assert (clock > 0.05).all() and (clock < 0.95).all()
    assert all((one - mid).abs().median() < 0.1 for one, mid in zip(batch.time, clock, strict=True))
    assert batch.flows is not None and len(Scenes(FOUR).draw(1, 32, (), chance).frames) == 4


class Slide:
    """An estimator that finds what it is told to."""

    name = "slide"

    def estimate(self, image0: np.ndarray, image1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        step = float(image1.mean() - image0.mean()) * 10
        flow = np.zeros((*image0.shape[:2], 2), np.float32)
        flow[..., 0] = step
        return flow, -flow


def test_estimators_tell_distances_and_motion_where_nobody_else_does() -> None:
    def grey(level: float) -> torch.Tensor:
        return torch.full((1, 3, 4, 6), level)

    batch = Batch((grey(9), grey(0), grey(1.0), grey(9)), grey(0.25), torch.full((1, 1, 1, 1), 0.5))
    indexed = add_index(batch, Slide())
    assert indexed.time.shape == (1, 1, 4, 6) and indexed.time.mean() == pytest.approx(0.25, abs=1e-3)
    assert add_index(indexed, Slide()).time is indexed.time
    taught = add_flows(batch, Slide())
    assert taught.flows is not None
    assert [round(float(one[:, 0].mean()), 4) for one in taught.flows] == [-2.5, 7.5]
    assert add_flows(taught, Slide()).flows is taught.flows
    both = join([taught, taught])
    assert both.flows is not None and both.flows[1].shape == (2, 2, 4, 6) and len(both.frames) == 4

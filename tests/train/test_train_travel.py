"""Do samples arrive on the machine that trains as they left, and does its script say what it lacks?"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import gpu_samples
from retempo.train.footage import SIZE, Footage
from retempo.train.observation import record_type

SCRIPT = Path(__file__).parents[1] / "gpu_train.sh"


def make_samples(folder: Path, name: str, count: int, seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    made = np.zeros(count, record_type(SIZE))
    for field in ("first", "second", "truth", "trusts"):
        made[field] = chance.integers(0, 256, made[field].shape)
    for field in ("flows", "inverses", "pasts"):
        made[field] = chance.normal(0, 20, made[field].shape)
    made["phase"] = chance.random(count)
    folder.mkdir(exist_ok=True)
    np.save(folder / f"{name}.npy", made)
    return made


def test_samples_travel(tmp_path: Path) -> None:
    sent = make_samples(tmp_path / "here", "a", 2, 1)
    make_samples(tmp_path / "here", "b", 1, 2)
    packed, there = tmp_path / "packed", tmp_path / "there"
    assert gpu_samples.main(["pack", str(tmp_path / "here"), str(packed)]) == 0
    assert sorted(path.name for path in packed.iterdir()) == [
        f"{name}{gpu_samples.ENDING}" for name in ("a-0000", "a-0001", "b-0000")
    ]
    assert gpu_samples.main(["unpack", str(packed), str(there)]) == 0
    assert len(Footage(there)) == 3
    came = np.load(there / "samples.npy")
    for field in ("first", "second", "truth", "trusts", "phase"):
        np.testing.assert_array_equal(came[field][:2], sent[field])
    for field in ("flows", "inverses", "pasts"):
        apart = np.abs(came[field][:2].astype(np.float32) - sent[field].astype(np.float32))
        assert 0 < apart.max() <= 0.5 / gpu_samples.STEPS + 0.01


def test_no_more_is_packed_than_may_travel(tmp_path: Path) -> None:
    """All clips in turns, until the next sample would not fit."""
    for index, name in enumerate("ab"):
        make_samples(tmp_path / "here", name, 2, index)
    least = 6 * SIZE * SIZE / 1e6  # noise of eight bits cannot be packed any smaller
    packed = tmp_path / "packed"
    gpu_samples.main(["pack", str(tmp_path / "here"), str(packed), "--megabytes", "6"])
    found = sorted(packed.iterdir())
    size = sum(path.stat().st_size for path in found)
    assert {path.name[0] for path in found} == {"a", "b"}
    assert least < size <= 6e6 < size + max(path.stat().st_size for path in found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--stages", "flow,dreams", "--out", "x"], "no stage dreams"),
        (["--data", "."], "--out says"),
        (["--data", "none", "--out", "x"], "has no train/"),
        (["--colour"], "unknown argument --colour"),
    ],
)
def test_the_script_says_what_it_lacks(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = subprocess.run([SCRIPT, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and said in done.stderr


def test_nothing_to_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_samples.main(["pack", str(tmp_path), str(tmp_path / "packed")]) == 2
    assert "holds nothing to pack" in capsys.readouterr().err

"""Does RAFT give what the authors' code, and torchvision's, gives with the same weights, and does it find true motion?

Neither is a dependency; each test says what it wants. ``$RETEMPO_RAFT_CODE``: the folder of the authors' repository
that holds ``core``. ``$RETEMPO_RAFT_WEIGHTS``: a folder with ``raft-sintel.pth`` and ``raft-small.pth``; without it the
comparison is made with random weights. The truth is looked for with what ``retempo weights add`` installed.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raft_networks import random_state, shifted_pair, torch

from retempo.flow.catalog import parse_flow
from retempo.flow.raft.checkpoint import convert, rename, rename_torchvision
from retempo.flow.raft.network import Raft
from retempo.flow.raft.sizes import SIZES
from retempo.models.weights import is_usable, load_weights, read_tensors
from retempo.scene.sample_scene import SampleScene, tone_map

FILES = {"large": "raft-sintel.pth", "small": "raft-small.pth"}
ITERATIONS = 12


def published(size: str) -> tuple[dict[str, Any], int]:
    """Weights under our names, and for how many iterations to compare them: random ones send flows far off."""
    folder = os.environ.get("RETEMPO_RAFT_WEIGHTS")
    if folder is None:
        return random_state(size), 3
    return convert(read_tensors(Path(folder) / FILES[size]), size), ITERATIONS


def ours(size: str, state: dict[str, Any], pair: list[Any], iterations: int) -> list[Any]:
    network = Raft(size)
    network.load_state_dict(state)
    return list(network(*(2 * one - 1 for one in pair), iterations))


def tensors() -> list[Any]:
    return [torch.from_numpy(one).permute(2, 0, 1)[None].contiguous() for one in shifted_pair(168, 200)]


def agree(found: list[Any], expected: list[Any]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert other.abs().max() > 0.01
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_same_flow_as_the_authors_code(size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    code = os.environ.get("RETEMPO_RAFT_CODE")
    if code is None:
        pytest.skip("set RETEMPO_RAFT_CODE to a checkout of the authors' RAFT to compare with it")
    monkeypatch.syspath_prepend(code)
    monkeypatch.delitem(sys.modules, "core", raising=False)
    from core.raft import RAFT  # type: ignore[import-not-found]

    state, iterations = published(size)
    peer = RAFT(argparse.Namespace(small=size == "small", mixed_precision=False)).eval()
    twice = {name.replace("downsample.1", "norm3"): one for name, one in state.items() if "cnet" in name}
    peer.load_state_dict({**twice, **state} if size == "large" else state)
    pair = tensors()
    with torch.no_grad():
        expected = [
            peer(255 * one, 255 * other, iters=iterations, test_mode=True)[1]
            for one, other in (pair, pair[::-1])
        ]
        agree(ours(size, state, pair, iterations), expected)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_same_flow_as_torchvision(size: str) -> None:
    try:
        from torchvision.models import optical_flow
    except (ImportError, RuntimeError) as error:  # RuntimeError: made for another PyTorch
        pytest.skip(f"torchvision cannot be imported: {error}")
    state, iterations = published(size)
    peer = getattr(optical_flow, f"raft_{size}")(weights=None).eval()
    theirs = {name: state[rename_torchvision(name, size)] for name in peer.state_dict()}
    assert rename(theirs, size).keys() == state.keys()
    peer.load_state_dict(theirs)
    pair = [2 * one - 1 for one in tensors()]
    with torch.no_grad():
        expected = [peer(*order, num_flow_updates=iterations)[-1] for order in (pair, pair[::-1])]
        agree(ours(size, convert(theirs, size), tensors(), iterations), expected)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "limit"), [("large", 0.75), ("small", 1.0)])
def test_nearer_to_the_truth_than_dis(size: str, limit: float) -> None:
    """Mean end-point error against the exact motion of the sample scene, from frame 4 to 5."""
    if not is_usable(f"raft-{size}"):
        pytest.skip(f"no weights: retempo weights add raft-{size} FILE")
    first, second, truth, seen = staged_pair()
    errors = {}
    for name in ("dis:fine", f"raft:{size}"):
        (one,) = parse_flow(name, load_weights=load_weights)
        flow, _ = one.estimate(first, second)
        errors[name] = float(np.linalg.norm(flow - truth, axis=2)[seen].mean())
    assert errors[f"raft:{size}"] < limit * errors["dis:fine"], errors


def staged_pair() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two pictures of the scene, display-encoded, the true flow between them and where it is known."""
    scene = SampleScene(640, 360)
    before, after = scene.render(4.0), scene.render(5.0)
    first, second = (
        np.ascontiguousarray(tone_map(one["rgba"][..., :3]) ** np.float32(1 / 2.2), np.float32)
        for one in (before, after)
    )
    return first, second, before["forward"], before["id"] > 0

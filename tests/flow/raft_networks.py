"""Which networks and pictures do the tests of RAFT share?"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="RAFT runs on PyTorch")

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "raft_names.json"


@lru_cache(1)
def published_names() -> dict[str, dict[str, dict[str, list[int]]]]:
    """Size -> who published -> name -> shape."""
    return json.loads(FIXTURE.read_text())


@lru_cache(2)
def random_state(size: str) -> dict[str, Any]:
    """Weights of no use, the same each time; they find motions of some pixels."""
    from retempo.flow.raft.network import Raft

    with torch.random.fork_rng():
        torch.manual_seed(7)
        state = Raft(size).state_dict()
        state["update_block.flow_head.conv2.weight"].mul_(20)
        return state


def shifted_pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Soft noise [H, W, 3] in [0, 1], and the same 5 pixels further down and 9 to the left."""
    rng = np.random.default_rng(3)
    coarse = rng.random((height // 6 + 2, width // 6 + 2, 3), dtype=np.float32)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    return picture, np.roll(picture, (5, -9), (0, 1))

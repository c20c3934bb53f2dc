"""On which devices do the tests of the native module run, and how do arrays get there and back?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from retempo import _native


def why_no_cuda() -> str:
    """Return the reason to skip CUDA tests, empty when they can run."""
    if not _native.build_info()["cuda"]:
        return "this build of retempo has no CUDA kernels"
    if not _native.cuda_available():
        return "no CUDA device"
    pytest.importorskip("torch", reason="device arrays come from PyTorch")
    return ""


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Each device in turn; cuda is skipped, saying why, where there is none."""
    if request.param == "cuda" and (reason := why_no_cuda()):
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture
def send(device: str) -> Callable[[np.ndarray], Any]:
    """Put a NumPy array on the device (on the CPU it stays what it is)."""

    def to_device(array: np.ndarray) -> Any:
        if device == "cpu":
            return array
        import torch

        return torch.from_numpy(array).to(device)

    return to_device


@pytest.fixture
def fetch(device: str) -> Callable[[Any], np.ndarray]:
    """Bring a device array back as NumPy."""
    return lambda array: array if device == "cpu" else array.cpu().numpy()

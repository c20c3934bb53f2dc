"""On which devices do the operator tests run?"""

from __future__ import annotations

import pytest


def why_no_cuda() -> str:
    """Return the reason to skip CUDA tests, empty when they can run."""
    torch = pytest.importorskip("torch", reason="tensors come from PyTorch")
    from retempo import _native

    if not _native.build_info()["cuda"]:
        return "this build of retempo has no CUDA kernels"
    if not torch.cuda.is_available() or not _native.cuda_available():
        return "no CUDA device"
    return ""


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Each device in turn; cuda is skipped, saying why, where there is none."""
    if request.param == "cuda" and (reason := why_no_cuda()):
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture(params=[False, True], ids=["default", "deterministic"])
def deterministic(request: pytest.FixtureRequest) -> bool:
    """Both ways to add up on CUDA; the CPU has one."""
    return bool(request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drop the deterministic variant on the CPU: it is the default there."""

    def differs(item: pytest.Item) -> bool:
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        return not (parameters.get("device") == "cpu" and parameters.get("deterministic"))

    items[:] = [item for item in items if differs(item)]

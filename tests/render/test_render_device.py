"""Is a device judged before anything is done, in words that say what to do?"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from retempo import _native
from retempo.errors import DeviceError, UsageError
from retempo.render.device import find_device, parse_device


@pytest.mark.parametrize(
    ("text", "meant"),
    [("cpu", ("cpu", None)), (" CPU ", ("cpu", None)), ("cuda", ("cuda", None)), ("Cuda:12", ("cuda", 12))],
)
def test_names(text: str, meant: tuple[str, int | None]) -> None:
    assert parse_device(text) == meant


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda0", "cpu:0", "cuda:0,1"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(UsageError, match="cuda:N"):
        parse_device(text)


def fake(
    monkeypatch: pytest.MonkeyPatch, built: bool = True, answers: bool = True, torch: Any = None
) -> None:
    """A machine with some of what CUDA takes; ``torch`` None stands for no PyTorch."""
    monkeypatch.setattr(_native, "build_info", lambda: {"cuda": built})
    monkeypatch.setattr(_native, "cuda_available", lambda: answers)
    monkeypatch.setitem(sys.modules, "torch", torch)


def gpus(count: int) -> SimpleNamespace:
    """A PyTorch that sees so many GPUs."""
    cuda = SimpleNamespace(is_available=lambda: count > 0, device_count=lambda: count)
    return SimpleNamespace(cuda=cuda, __version__="2.9")


def test_each_thing_that_can_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for says, machine in (
        ("no CUDA kernels", {"built": False}),
        ("no CUDA GPU answers", {"answers": False}),
        ("PyTorch is not installed", {}),
        ("PyTorch 2.9 cannot use CUDA", {"torch": gpus(0)}),
    ):
        fake(monkeypatch, **machine)  # type: ignore[arg-type]
        with pytest.raises(DeviceError, match=says) as caught:
            find_device("cuda:0")
        assert caught.value.hint.endswith("or leave --device cpu") and caught.value.exit_code == 7


def test_number_of_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, torch=gpus(2))
    assert find_device("cuda") == "cuda" and find_device("CUDA:1") == "cuda:1"
    with pytest.raises(DeviceError, match=r"there are 2 GPUs.*cuda:0 to cuda:1"):
        find_device("cuda:2")


def test_the_cpu_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, built=False, answers=False)
    assert find_device("cpu") == "cpu"

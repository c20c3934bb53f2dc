"""Which device computes, and can it? The one place where ``--device`` is judged."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from retempo.errors import DeviceError, UsageError

_WITHOUT = "or leave --device cpu"
_CUDA = re.compile(r"cuda(?::(\d{1,3}))?")


def parse_device(text: str) -> tuple[str, int | None]:
    """``cpu`` -> ("cpu", None), ``cuda`` -> ("cuda", None), ``cuda:1`` -> ("cuda", 1); case does not matter.

    Raises:
        UsageError: anything else.
    """
    cleaned = text.strip().lower()
    if cleaned == "cpu":
        return "cpu", None
    found = _CUDA.fullmatch(cleaned)
    if found is None:
        raise UsageError(f"--device is {text!r}", "give cpu, cuda or cuda:N, N counting from 0")
    return "cuda", None if found[1] is None else int(found[1])


def find_device(text: str) -> str:
    """The device that ``text`` asks for, as torch spells it (``cpu``, ``cuda``, ``cuda:1``), once it is sure to work.

    Raises:
        UsageError: not the name of a device.
        DeviceError: CUDA was not compiled in, no GPU answers, PyTorch is absent or has no CUDA, or there is no
            GPU of that number.
    """
    kind, number = parse_device(text)
    if kind == "cpu":
        return "cpu"
    from retempo import _native

    without = _WITHOUT
    if not _native.build_info()["cuda"]:
        raise DeviceError(
            f"--device {text}: this build of retempo has no CUDA kernels",
            f"build it where nvcc is found (retempo --version says how this one was made), {without}",
        )
    if not _native.cuda_available():
        raise DeviceError(
            f"--device {text}: no CUDA GPU answers",
            f"check the driver with nvidia-smi, and CUDA_VISIBLE_DEVICES, {without}",
        )
    return _find_in_torch(text, number)


def find_solver_device(text: str) -> str:
    """The same where PyTorch alone computes, and none of our kernels; raises as ``find_device``."""
    kind, number = parse_device(text)
    return "cpu" if kind == "cpu" else _find_in_torch(text, number)


def _find_in_torch(text: str, number: int | None) -> str:
    without = _WITHOUT
    try:
        import torch
    except ImportError as error:
        raise DeviceError(
            f"--device {text}: frames travel to a GPU as PyTorch tensors, and PyTorch is not installed",
            f"install it (pip install 'retempo[torch]'), {without}",
        ) from error
    if not torch.cuda.is_available():
        raise DeviceError(
            f"--device {text}: PyTorch {torch.__version__} cannot use CUDA here",
            f"install a PyTorch with CUDA that fits the driver, {without}",
        )
    count = torch.cuda.device_count()
    if number is not None and number >= count:
        raise DeviceError(
            f"--device {text}: there {'is 1 GPU' if count == 1 else f'are {count} GPUs'}, counted from 0",
            f"give cuda:0{f' to cuda:{count - 1}' if count > 1 else ''}, {without}",
        )
    return "cuda" if number is None else f"cuda:{number}"


def to_host(array: Any) -> np.ndarray:
    """An array of NumPy, or a tensor's values; int32 stands for uint32."""
    if isinstance(array, np.ndarray):
        return array
    host: np.ndarray = array.cpu().numpy()
    return host.view(np.uint32) if host.dtype == np.int32 else host

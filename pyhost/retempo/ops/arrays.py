"""Whose array is this, does it fit, and where does its result live?

NumPy arrays and torch tensors are equally welcome. Nothing here imports torch: a tensor can only come from a
process that has imported it already. Results are allocated with the library, dtype and device of the input.
"""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import numpy as np

from retempo.errors import DeviceError, RetempoError, UsageError

Array: TypeAlias = Any
"""A NumPy array or a torch tensor."""

_DTYPES = ("float32", "float64")


def is_tensor(array: object) -> bool:
    """Whether ``array`` is a torch tensor; never imports torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def dtype_name(array: Array) -> str:
    """``float32`` for either library."""
    return str(array.dtype).removeprefix("torch.")


def device_name(array: Array) -> str:
    """``cpu`` or ``cuda:N``."""
    return str(array.device) if is_tensor(array) else "cpu"


def check_array(name: str, array: Array, shape: tuple[int | None, ...], like: Array | None = None) -> None:
    """Raise ``UsageError`` unless ``array`` is a float array of ``shape`` (None: any size) that goes with ``like``.

    ``like`` must agree in library, dtype and device.
    """
    if not (isinstance(array, np.ndarray) or is_tensor(array)):
        raise UsageError(f"{name}: expected a NumPy array or a torch tensor, got {type(array).__name__}")
    wanted = "[" + ", ".join("any" if size is None else str(size) for size in shape) + "]"
    fits = len(array.shape) == len(shape) and all(
        want is None or want == size for want, size in zip(shape, array.shape, strict=True)
    )
    if not fits:
        raise UsageError(f"{name}: expected shape {wanted}, got {list(array.shape)}")
    if dtype_name(array) not in _DTYPES:
        raise UsageError(f"{name}: expected float32 or float64, got {dtype_name(array)}", "convert it first")
    if device_name(array).startswith("cuda") and dtype_name(array) != "float32":
        raise UsageError(f"{name}: expected float32 on {device_name(array)}, got {dtype_name(array)}")
    if like is None:
        return
    if is_tensor(array) != is_tensor(like):
        raise UsageError(
            f"{name}: NumPy arrays and torch tensors are mixed in one call", "convert one of them"
        )
    for what, own, other in (
        ("dtype", dtype_name(array), dtype_name(like)),
        ("device", device_name(array), device_name(like)),
    ):
        if own != other:
            raise UsageError(f"{name}: expected {what} {other} like the other arguments, got {own}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ``UsageError`` unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise UsageError(f"{name}: {value!r} is not one of {', '.join(choices)}")


def contiguous(array: Array) -> Array:
    """The array itself where it is C-contiguous, else a copy that is; outside of any autograd graph."""
    return array.detach().contiguous() if is_tensor(array) else np.ascontiguousarray(array)


def empty(like: Array, shape: tuple[int, ...], dtype: str | None = None) -> Array:
    """Uninitialised array of the library and device of ``like``."""
    if is_tensor(like):
        torch = sys.modules["torch"]
        return torch.empty(shape, dtype=getattr(torch, dtype) if dtype else like.dtype, device=like.device)
    return np.empty(shape, dtype=dtype or like.dtype)


def zeros(like: Array, shape: tuple[int, ...], dtype: str | None = None) -> Array:
    """Array of zeros of the library and device of ``like``."""
    array = empty(like, shape, dtype)
    array[...] = 0
    return array


def is_empty(array: Array) -> bool:
    """Whether the array holds no element."""
    return 0 in tuple(array.shape)


def stream_of(array: Array) -> int:
    """Handle of the caller's current CUDA stream on the array's device; 0 on the CPU."""
    if not device_name(array).startswith("cuda"):
        return 0
    stream: int = sys.modules["torch"].cuda.current_stream(array.device).cuda_stream
    return stream


def is_deterministic(array: Array, deterministic: bool | None) -> bool:
    """``None`` follows ``torch.are_deterministic_algorithms_enabled()``; the CPU path always is."""
    if deterministic is not None:
        return deterministic
    return is_tensor(array) and bool(sys.modules["torch"].are_deterministic_algorithms_enabled())


def call_native(function: str, *args: Any, **options: Any) -> Any:
    """Call ``retempo._native.<function>``, with its errors as Retempo's.

    Raises:
        UsageError: an argument is refused (shape, dtype, device, non-finite flow).
        DeviceError: the native module is missing or lacks CUDA, or the device failed or ran out of memory.
    """
    try:
        from retempo import _native
    except ImportError as error:
        raise DeviceError(f"retempo._native cannot be imported: {error}", "run pip install .") from error
    try:
        return getattr(_native, function)(*args, **options)
    except RetempoError:
        raise
    except (ValueError, TypeError) as error:
        raise UsageError(f"{function}: {error}") from error
    except MemoryError as error:
        raise DeviceError(
            f"{function}: out of memory: {error}", "lower the resolution or pass --memory"
        ) from error
    except RuntimeError as error:
        raise DeviceError(f"{function}: {error}") from error

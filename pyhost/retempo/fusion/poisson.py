"""Which picture has gradients nearest to the wanted ones? The exact least-squares answer, by one DCT there and back.

Minimises ``|grad I - G|^2`` over all pictures with free (Neumann) borders; its normal equations, Laplacian of I =
divergence of G, are diagonal in the DCT-II. The mean of I is free and comes out 0. Screened (Bhat, Curless, Cohen &
Zitnick, "Fourier analysis of the 2D screened Poisson equation", ECCV 2008) it is ``|grad I - G|^2 + screen (I - T)^2``:
the picture also stays near a target, wherever nothing speaks against it.

On the CPU SciPy's DCT; tensors go through ``torch.fft`` of the signal and its mirror image, on their own device.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retempo.fusion.gradients import Array


def solve(div: Array, *, screen: float = 0.0, target: Array | None = None, threads: int = 0) -> Array:
    """The picture whose Laplacian is ``div``.

    Args:
        div: [H, W, C] float32 or float64, divergence of the wanted gradients.
        screen: weight of staying near the target, >= 0, in 1 / pixel^2; features wider than ``1 / sqrt(screen)``
            pixels follow it.
        target: [H, W, C], with ``screen`` > 0.
        threads: of the transform, 0 for all; the result does not depend on it.

    Returns:
        [H, W, C] of the same type; without ``screen`` each channel's mean is 0.
    """
    from scipy import fft

    height, width = div.shape[:2]
    workers = threads or -1
    planes = np.ascontiguousarray(np.moveaxis(div, 2, 0))
    waves = fft.dctn(planes, type=2, axes=(1, 2), norm="ortho", workers=workers, overwrite_x=True)
    eigenvalues = laplacian_eigenvalues(height, width, div.dtype.name)
    if screen > 0:
        assert target is not None
        wanted = np.ascontiguousarray(np.moveaxis(target, 2, 0).astype(div.dtype))
        held = fft.dctn(wanted, type=2, axes=(1, 2), norm="ortho", workers=workers, overwrite_x=True)
        kind = div.dtype.type
        waves = (kind(screen) * held - waves) / (kind(screen) - eigenvalues)
        waves[:, 0, 0] = held[:, 0, 0]
    else:
        waves /= eigenvalues
        waves[:, 0, 0] = 0
    back = fft.idctn(waves, type=2, axes=(1, 2), norm="ortho", workers=workers, overwrite_x=True)
    return np.ascontiguousarray(np.moveaxis(back, 0, 2))


@lru_cache(maxsize=4)
def laplacian_eigenvalues(height: int, width: int, dtype: str = "float64") -> NDArray[Any]:
    """Of the Laplacian for each wave (row, column) of the DCT-II, [H, W], none above 0; -1 stands at (0, 0) for 0.

    There a division must be possible: it is a picture's mean, which a Laplacian does not know.
    """
    down = 2 * np.cos(np.pi * np.arange(height) / height) - 2
    across = 2 * np.cos(np.pi * np.arange(width) / width) - 2
    values = (down[:, None] + across[None, :]).astype(dtype)
    values[0, 0] = -1.0
    values.setflags(write=False)
    return values


def solve_tensor(div: Any, *, screen: float = 0.0, target: Any = None) -> Any:
    """``solve`` for a torch tensor [H, W, C], on its device and in its type."""
    import torch

    height, width = div.shape[:2]
    values = torch.from_numpy(np.array(laplacian_eigenvalues(height, width))).to(div)
    waves = transform(div.permute(2, 0, 1))
    if screen > 0:
        held = transform(target.to(div).permute(2, 0, 1))
        waves = (screen * held - waves) / (screen - values)
        waves[:, 0, 0] = held[:, 0, 0]
    else:
        waves = waves / values
        waves[:, 0, 0] = 0
    return transform_back(waves).permute(1, 2, 0).contiguous()


def transform(planes: Any) -> Any:
    """DCT-II of tensors [..., H, W], unscaled: sum of x[n] cos(pi k (2 n + 1) / (2 N)) along both axes."""
    return _along_rows(_along_rows(planes).transpose(-1, -2)).transpose(-1, -2)


def transform_back(waves: Any) -> Any:
    """The inverse of ``transform``."""
    return _back_along_rows(_back_along_rows(waves.transpose(-1, -2)).transpose(-1, -2))


def _along_rows(values: Any) -> Any:
    """The signal followed by its mirror image is even: half its Fourier transform, turned by half a sample, is real."""
    import torch

    count = values.shape[-1]
    spectrum = torch.fft.rfft(torch.cat([values, values.flip(-1)], dim=-1))[..., :count]
    return (spectrum * _turn(count, values)).real / 2


def _back_along_rows(waves: Any) -> Any:
    import torch

    count = waves.shape[-1]
    spectrum = torch.cat([2 * waves * _turn(count, waves).conj(), torch.zeros_like(waves[..., :1])], dim=-1)
    return torch.fft.irfft(spectrum, n=2 * count)[..., :count]


def _turn(count: int, like: Any) -> Any:
    import torch

    angles = torch.arange(count, dtype=torch.float64) * (-np.pi / (2 * count))
    kind = torch.complex128 if like.dtype == torch.float64 else torch.complex64
    return torch.polar(torch.ones_like(angles), angles).to(device=like.device, dtype=kind)

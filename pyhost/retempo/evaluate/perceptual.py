"""Are LPIPS' weights on this machine? They are looked for, never downloaded.

Two files: AlexNet's convolutions as torchvision publishes them, and the linear layers of the ``lpips`` package (v0.1).
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from retempo.errors import InputError
from retempo.models.weights import weights_folder

if TYPE_CHECKING:
    from retempo.evaluate.score import Perceptual

BACKBONE: Final = "alexnet-owt-7be5be79.pth"
LINEAR: Final = "lpips_alex.pth"


def find_perceptual() -> tuple[Perceptual | None, str]:
    """LPIPS, or None and a line that says what is missing.

    Both files are looked for in the weights folder, then where PyTorch's hub and the ``lpips`` package have them.

    Raises:
        InputError: a file is there and is not what its name says.
    """
    if find_spec("torch") is None:
        return None, "LPIPS needs PyTorch: pip install retempo[torch]"
    for places in (_backbones(), _linears()):
        if not any(path.is_file() for path in places):
            looked = ", ".join(str(path) for path in places)
            return None, f"LPIPS has no weights: no {looked} (nothing is downloaded)"
    from retempo.metrics.perceptual import Lpips

    return Lpips(_load(_backbones()), _load(_linears())), ""


def _backbones() -> list[Path]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    hub = Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"
    return [weights_folder() / BACKBONE, hub / BACKBONE]


def _linears() -> list[Path]:
    package = find_spec("lpips")
    places = (package and package.submodule_search_locations) or ()
    return [weights_folder() / LINEAR, *(Path(place) / "weights" / "v0.1" / "alex.pth" for place in places)]


def _load(places: list[Path]) -> dict[str, object]:
    """The tensors of the first file that is there; runs no code from it."""
    import torch

    path = next(path for path in places if path.is_file())
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a broken file
        raise InputError(f"{path} cannot be read: {error}", "copy it again") from error
    if not isinstance(state, dict):
        raise InputError(f"{path} holds no named weights", "copy it again")
    return state

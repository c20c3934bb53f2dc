"""How does CSPA work as an engine? It makes the picture halfway, all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from retempo.models.base import Made, check_window, only_halfway
from retempo.models.cspa import ENGINE
from retempo.models.cspa.network import MULTIPLE
from retempo.models.padding import pad_to_multiple


class CspaInterpolator:
    """The engine at work.

    Args:
        network: a ``Cspa``. name: as the user wrote it.
    """

    capabilities = ENGINE.capabilities

    def __init__(self, network: nn.Module, name: str) -> None:
        self.network = network.eval()
        self.name = name

    def prepare(self, images: Sequence[Tensor]) -> CspaWindow:
        """See ``Interpolator``: nothing is common to several instants, there being one."""
        check_window(images, self.capabilities.frames)
        return CspaWindow(self.network, tuple(images))


@dataclass(frozen=True)
class CspaWindow:
    """Two frames."""

    network: nn.Module
    frames: tuple[Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Memory of the frames."""
        return sum(one.numel() * one.element_size() for one in self.frames)

    def render(self, time: float | Tensor) -> Made:
        """See ``PreparedWindow``."""
        only_halfway(time, self.frames[0])
        (earlier, margins), (later, _) = (
            pad_to_multiple(one, MULTIPLE, "reflect", centred=False) for one in self.frames
        )
        with torch.no_grad():
            return Made(margins.crop(self.network(earlier, later)))

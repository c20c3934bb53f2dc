"""How does DBVI work as an engine? Motion once a window, the descent once an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from retempo.errors import TimingError
from retempo.models.base import Fields, Made, as_time, check_window
from retempo.models.dbvi import ENGINE
from retempo.models.dbvi.motion import Paths, find_estimator, find_paths
from retempo.models.dbvi.network import MULTIPLE
from retempo.models.fields import fields_of_forward
from retempo.models.padding import Padding, find_padding


class DbviInterpolator:
    """The engine at work.

    Args:
        network: a ``Dbvi``; it decides the device.
        name: as the user wrote it.
        flow: whose motion it starts from.

    Raises:
        UsageError, WeightsError: see ``find_estimator``.
    """

    capabilities = ENGINE.capabilities

    def __init__(self, network: nn.Module, name: str, flow: str) -> None:
        self.network = network.eval()
        self.estimator = find_estimator(flow, str(next(network.parameters()).device))
        said = [piece for piece in name.split(",") if not piece.startswith("flow=")]
        self.name = ",".join([said[0], f"flow={self.estimator.name.replace(',', ';')}", *said[1:]])

    def prepare(self, images: Sequence[Tensor]) -> DbviWindow:
        """See ``Interpolator``: estimates the motion."""
        check_window(images, self.capabilities.frames)
        height, width = images[0].shape[-2:]
        margins = find_padding(height, width, MULTIPLE, centred=False)
        paths = find_paths([margins.pad(one) for one in images], self.estimator)
        return DbviWindow(self.network, tuple(images), paths, margins)


@dataclass(frozen=True)
class DbviWindow:
    """Four frames and how things move between them."""

    network: nn.Module
    frames: tuple[Tensor, ...]
    paths: Paths
    margins: Padding

    @property
    def nbytes(self) -> int:
        """Memory of the frames and the motion."""
        return sum(one.numel() * one.element_size() for one in (*self.frames, *self.paths))

    def render(self, time: float | Tensor) -> Made:
        """See ``PreparedWindow``."""
        instant = as_time(time, self.frames[0])
        if instant.shape[-2:] != (1, 1):
            raise TimingError("dbvi makes one instant a picture, not a map of them", "give one a picture")
        flow0t, flow1t = self.paths.at(instant)
        with torch.no_grad():
            found = self.network([2 * one - 1 for one in self.frames], flow0t, flow1t, instant)
        fields = fields_of_forward(found.flow0t, found.flow1t, None, None, instant)
        return Made((found.images[-1] + 1) / 2, Fields(*(self.margins.crop(one) for one in fields)))

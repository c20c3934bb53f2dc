"""How does SoftSplat work as an engine: motion, features and metrics once a pair, splats and grid once an instant?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from retempo.errors import InputError
from retempo.models.base import Capabilities, Fields, Made, as_time, check_window
from retempo.models.fields import fields_of_forward
from retempo.models.padding import pad_to_multiple
from retempo.models.softsplat.network import Pair, SoftSplatNet, at_instant, weight_of


class SoftSplatEngine:
    """SoftSplat at work.

    Args:
        network: a ``SoftSplatNet``.
        name, capabilities: see ``Interpolator``.
    """

    def __init__(self, network: nn.Module, name: str, capabilities: Capabilities) -> None:
        assert isinstance(network, SoftSplatNet)
        self.name, self.capabilities = name, capabilities
        self._network = network.eval()

    def prepare(self, images: Sequence[Tensor]) -> PreparedPair:
        """Find motions, features and metrics."""
        check_window(images, 2)
        with torch.no_grad():
            return PreparedPair(self._network, images, self.capabilities.multiple)


class PreparedPair:
    """A pair with all that does not depend on the instant; ``nbytes`` counts it."""

    def __init__(self, network: SoftSplatNet, images: Sequence[Tensor], multiple: int) -> None:
        earlier, self._margins = pad_to_multiple(images[0], multiple, "replicate", centred=False)
        later = self._margins.pad(images[1])
        self._network, self._like = network, images[0]
        self._pair: Pair = network.look(earlier.flip(1), later.flip(1))  # RGB -> BGR

    @property
    def nbytes(self) -> int:
        pair = self._pair
        held = (*pair.features[0], *pair.features[1], *pair.flows, *pair.metrics, self._like)
        return sum(one.numel() * one.element_size() for one in held)

    def render(self, time: float | Tensor) -> Made:
        """Make the picture at an instant; see ``PreparedWindow``."""
        instant = as_time(time, self._like)
        if instant.shape[-2:] != (1, 1):
            raise InputError("SoftSplat takes no map of instants", "give one instant for the whole picture")
        with torch.no_grad():
            image = self._network.paint(self._pair, instant).flip(1)
            flows, metrics = at_instant(self._pair, instant)
            weights = [weight_of(metric) for metric in metrics]
            fields = fields_of_forward(flows[0], flows[1], weights[0], weights[1], instant)
        return Made(self._margins.crop(image), Fields(*(self._margins.crop(one) for one in fields)))

"""How does IFRNet work as an engine: features once a pair, the decoders once an instant?"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd

import torch
from torch import Tensor, nn

from retempo.models.base import Capabilities, Fields, Made, as_time, check_window
from retempo.models.ifrnet.network import STRIDE, IfrNet, Interpolated, Pyramid, mean_of
from retempo.models.padding import pad_to_multiple

STEPS = 2
"""Of ``base-dr`` from the earlier frame to the instant, as its authors go."""


class IfrnetEngine:
    """IFRNet at work.

    Args:
        network: an ``IfrNet``.
        name, capabilities: see ``Interpolator``.
        scale: of the pictures in which motion is looked for.
        steps: how many pictures ``base-dr`` makes on its way, the wanted one included.
    """

    def __init__(
        self,
        network: nn.Module,
        name: str,
        capabilities: Capabilities,
        scale: Fraction = Fraction(1),
        steps: int = STEPS,
    ) -> None:
        assert isinstance(network, IfrNet)
        self.name, self.capabilities = name, capabilities
        self.scale, self.steps = scale, steps
        self._network = network.eval()

    def prepare(self, images: Sequence[Tensor]) -> PreparedPair:
        """Pad, centre and encode both frames."""
        check_window(images, 2)
        with torch.no_grad():
            return PreparedPair(self._network, images, self.scale, self.steps)


class PreparedPair:
    """Both frames with their features; ``nbytes`` counts them."""

    def __init__(self, network: IfrNet, images: Sequence[Tensor], scale: Fraction, steps: int) -> None:
        multiple = multiple_of(scale)
        earlier, self._margins = pad_to_multiple(images[0], multiple, "replicate")
        later = self._margins.pad(images[1])
        self._network, self._scale, self._steps = network, float(scale), steps
        self._like = images[0]
        self._mean = mean_of(earlier, later)
        self._frames = earlier - self._mean, later - self._mean
        self._features = (
            network.encode(self._frames[0], self._scale),
            network.encode(self._frames[1], self._scale),
        )

    @property
    def nbytes(self) -> int:
        held = (*self._frames, *self._features[0], *self._features[1], self._like)
        return sum(one.numel() * one.element_size() for one in held)

    def render(self, time: float | Tensor) -> Made:
        """Make the picture at an instant, or at one a pixel; see ``PreparedWindow``."""
        instant = as_time(time, self._like)
        if instant.shape[-2:] != (1, 1):
            instant = self._margins.pad(instant)
        with torch.no_grad():
            made = self._step(instant, None) if not self._network.reference else self._walk(instant)
        image, flow0, flow1, mask = (self._margins.crop(one) for one in made)
        return Made(image, Fields(flow0, flow1, mask))

    def _walk(self, instant: Tensor) -> Interpolated:
        """Go to the instant in even steps from the earlier frame, each picture the next one's reference."""
        features, before = self._features[0], torch.zeros_like(instant)
        for step in range(1, self._steps + 1):
            now = instant * step / self._steps
            made = self._step(now, (features, before))
            if step < self._steps:
                features, before = self._network.encode(made.image - self._mean, self._scale), now
        return made

    def _step(self, instant: Tensor, reference: tuple[Pyramid, Tensor] | None) -> Interpolated:
        found = self._network.refine(*self._features, instant, reference)
        return self._network.merge(*self._frames, self._mean, found)


def multiple_of(scale: Fraction) -> int:
    """What the sides must be multiples of so that, resized by ``scale``, they are whole multiples of 16."""
    whole = STRIDE * scale.denominator
    return whole // gcd(whole, scale.numerator)

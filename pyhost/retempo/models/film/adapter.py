"""How does FILM's network become an engine: any size of picture, features and flow once, the picture halfway?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as functional
from torch import Tensor

from retempo.models.base import Capabilities, Fields, Made, check_window, only_halfway
from retempo.models.film.network import Film, Prepared, warp
from retempo.models.padding import Padding, pad_to_multiple

ALIKE: Final = 1 / 64
"""Errors below this, of [0, 1], do not tell which frame a pixel comes from."""

AROUND: Final = 5
"""Pixels, the side of the square that errors are averaged over."""


class FilmEngine:
    """FILM with its weights; see ``Interpolator``.

    Args:
        network: on its device. name: with everything that changes pixels. capabilities: as declared.
    """

    def __init__(self, network: Film, name: str, capabilities: Capabilities) -> None:
        self.name = name
        self.capabilities = capabilities
        self._network = network.eval()

    def prepare(self, images: Sequence[Tensor]) -> FilmWindow:
        """Pad with black to multiples of 64, centred, as the authors do; find features and flow."""
        check_window(images, 2)
        padded = [pad_to_multiple(image, self.capabilities.multiple, "zero") for image in images]
        with torch.no_grad():
            prepared = self._network.prepare(padded[0][0], padded[1][0])
        return FilmWindow(self._network, prepared, padded[0][1])


class FilmWindow:
    """Two frames, their features and the flow between them."""

    def __init__(self, network: Film, prepared: Prepared, margins: Padding) -> None:
        self._network = network
        self._prepared = prepared
        self._margins = margins

    @property
    def nbytes(self) -> int:
        """Memory of the pyramids: about 1.3 kB a pixel."""
        return sum(level.nbytes for pyramid in self._prepared for level in pyramid)

    def render(self, time: float | Tensor) -> Made:
        """The picture halfway; see ``PreparedWindow``."""
        crop = self._margins.crop
        pictures = [crop(sources[0][:, :3]) for sources in (self._prepared.sources0, self._prepared.sources1)]
        only_halfway(time, pictures[0])
        with torch.no_grad():
            half = pictures[0].new_full((1, 1), 0.5)
            made, to0, to1 = (crop(one) for one in self._network.render(self._prepared, half))
            return Made(made, Fields(to0, to1, share(made, warp(pictures[0], to0), warp(pictures[1], to1))))


def share(made: Tensor, warped0: Tensor, warped1: Tensor) -> Tensor:
    """How much of a picture comes from the earlier frame, by which of the two warped frames it looks like.

    The network says nothing of it; where one frame is covered, its fusion takes the other, and the result shows that.

    Args:
        made, warped0, warped1: [N, 3, H, W].

    Returns:
        [N, 1, H, W] in (0, 1); one half where both are alike.
    """
    error0, error1 = (_error(made, warped) + ALIKE for warped in (warped0, warped1))
    return error1 / (error0 + error1)


def _error(made: Tensor, warped: Tensor) -> Tensor:
    error = (made - warped).abs().mean(1, keepdim=True)
    return functional.avg_pool2d(error, AROUND, 1, AROUND // 2, count_include_pad=False)

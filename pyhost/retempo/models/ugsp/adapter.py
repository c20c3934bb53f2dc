"""How does UGSP work as an engine: features once a pair, then the decoders where it is worth it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from retempo.errors import UsageError
from retempo.models.base import Fields, Made, as_time, check_window
from retempo.models.ifrnet.network import Pyramid, mean_of
from retempo.models.padding import Padding, pad_to_multiple
from retempo.models.ugsp import ENGINE
from retempo.models.ugsp.choosing import Choose, by_tiles, everything
from retempo.models.ugsp.network import MULTIPLE, Ugsp, merge

TILE = 8


class UgspInterpolator:
    """The engine at work.

    Args:
        network: a ``Ugsp``. name: as the user wrote it.
        keep: part of the tiles that is refined, in (0, 1]; None: as the masks say.
        tile: side of a tile, pixels of its level.
        dense: refine everything.

    Raises:
        UsageError: a part to keep, and everything.
    """

    capabilities = ENGINE.capabilities

    def __init__(
        self,
        network: nn.Module,
        name: str,
        keep: float | None = None,
        tile: int = TILE,
        dense: bool = False,
    ) -> None:
        assert isinstance(network, Ugsp)
        if dense and keep is not None:
            raise UsageError("ugsp: dense=1 refines everything, keep= a part", "give one of them")
        self.network = network.eval()
        self.name = name
        self.choose: Choose = everything if dense else by_tiles(keep, tile)

    def prepare(self, images: Sequence[Tensor]) -> UgspWindow:
        """See ``Interpolator``: pads, centres and encodes both frames."""
        check_window(images, self.capabilities.frames)
        earlier, margins = pad_to_multiple(images[0], MULTIPLE, "replicate")
        later = margins.pad(images[1])
        mean = mean_of(earlier, later)
        frames = earlier - mean, later - mean
        with torch.no_grad():
            features = self.network.encoder(frames[0]), self.network.encoder(frames[1])
        return UgspWindow(self.network, self.choose, margins, images[0], frames, mean, features)


@dataclass(frozen=True)
class UgspWindow:
    """Two frames and their features."""

    network: Ugsp
    choose: Choose
    margins: Padding
    like: Tensor
    frames: tuple[Tensor, Tensor]
    mean: Tensor
    features: tuple[Pyramid, Pyramid]

    @property
    def nbytes(self) -> int:
        """Memory of the frames and the features."""
        held = (self.like, *self.frames, *self.features[0], *self.features[1])
        return sum(one.numel() * one.element_size() for one in held)

    def render(self, time: float | Tensor) -> Made:
        """See ``PreparedWindow``; the fields are the flows and the mask that the picture was mixed by."""
        instant = as_time(time, self.like)
        if instant.shape[-2:] != (1, 1):
            instant = self.margins.pad(instant)
        with torch.no_grad():
            found = self.network.refine(*self.features, instant, self.choose)
            image = merge(*self.frames, self.mean, found)
        crop = self.margins.crop
        return Made(crop(image), Fields(crop(found.flow0), crop(found.flow1), crop(found.mask)))

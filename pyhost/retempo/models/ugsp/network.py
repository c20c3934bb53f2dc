"""What is UGSP's network? IFRNet whose decoders also say where the next finer one is worth it; and uncertainty."""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from retempo.models.ifrnet.network import Decoder, Encoder, Pyramid, convolve, grow, mean_of, spread
from retempo.models.ifrnet.sizes import SIZES
from retempo.models.ugsp.choosing import Choose, everything
from retempo.models.ugsp.sparse import run_decoder
from retempo.models.warping import look_up

MULTIPLE: Final = 16
LOGITS: Final = 2
FLATTEST: Final = 8.0
"""The log of the uncertainty stays between this and its negative."""


class Pruned(NamedTuple):
    """What the decoders found, for pictures of H x W.

    Attributes:
        flow0, flow1: [N, 2, H, W] pixels, made picture -> earlier, later.
        mask: [N, 1, H, W] in (0, 1), weight of the earlier picture.
        residual: [N, 3, H, W], added in the end.
        features: [N, C, H / 2^k, W / 2^k] for k = 1 to 3, of the picture to be.
        kept: [N, 1, H / 2^k, W / 2^k] for k = 1 to 3: 1 where that level was refined, else 0.
    """

    flow0: Tensor
    flow1: Tensor
    mask: Tensor
    residual: Tensor
    features: list[Tensor]
    kept: list[Tensor]


class Ugsp(nn.Module):
    """The whole network.

    Args:
        channels: the variant of IFRNet that has as many.
    """

    def __init__(self, channels: str = "base") -> None:
        super().__init__()
        size = SIZES[channels]
        one, two, three, four = size.levels
        self.encoder = Encoder(size.levels, size.stem)
        self.decoder4 = Decoder(2 * four + 1, 2 * four, 4 + three + LOGITS, size.side)
        self.decoder3 = Decoder(3 * three + 4, 3 * three, 4 + two + LOGITS, size.side)
        self.decoder2 = Decoder(3 * two + 4, 3 * two, 4 + one + LOGITS, size.side)
        self.decoder1 = Decoder(3 * one + 4, 3 * one, 8, size.side)
        self.uncertainty = Uncertainty()

    def forward(
        self, earlier: Tensor, later: Tensor, instant: Tensor, choose: Choose = everything
    ) -> tuple[Tensor, Pruned]:
        """The picture at an instant, [N, 3, H, W] in [0, 1], and what it was made of.

        Args:
            earlier, later: [N, 3, H, W] in [0, 1], sides multiples of 16.
            instant: [N, 1, 1, 1], or a map [N, 1, H, W].
            choose: where the finer levels are refined.
        """
        mean = mean_of(earlier, later)
        first, second = earlier - mean, later - mean
        found = self.refine(self.encoder(first), self.encoder(second), instant, choose)
        return merge(first, second, mean, found), found

    def refine(self, first: Pyramid, second: Pyramid, instant: Tensor, choose: Choose = everything) -> Pruned:
        """Flows, mask and residual from coarse to fine; flows and logits add to those of the coarser level.

        Args:
            first, second: features of both pictures, each less their mean. instant, choose: as of ``forward``.
        """
        grid = first[3]
        out = self.decoder4(torch.cat([grid, second[3], spread(instant, grid)], 1))
        flow0, flow1, logits = out[:, 0:2], out[:, 2:4], out[:, -LOGITS:]
        features = [out[:, 4:-LOGITS]]
        kept: list[Tensor] = []
        for level, decoder in ((2, self.decoder3), (1, self.decoder2), (0, self.decoder1)):
            where = choose(logits)
            kept.insert(0, torch.ones_like(logits[:, :1]) if where is None else where.kept)
            seen = [look_up(first[level], flow0), look_up(second[level], flow1)]
            out = run_decoder(decoder, torch.cat([features[0], *seen, flow0, flow1], 1), where)
            flow0 = out[:, 0:2] + 2 * grow(flow0, 2)
            flow1 = out[:, 2:4] + 2 * grow(flow1, 2)
            if level:
                logits = out[:, -LOGITS:] + grow(logits, 2)
                features.insert(0, out[:, 4:-LOGITS])
        return Pruned(flow0, flow1, out[:, 4:5].sigmoid(), out[:, 5:8], features, kept)


class Uncertainty(nn.Module):
    """How uncertain is each pixel of a made picture? Seen from it and the two frames; used in training alone."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            convolve(9, 32, stride=2),
            convolve(32, 64, stride=2),
            convolve(64, 64),
            nn.ConvTranspose2d(64, 32, 4, 2, 1),
            nn.PReLU(32),
            nn.ConvTranspose2d(32, 1, 4, 2, 1),
        )

    def forward(self, earlier: Tensor, made: Tensor, later: Tensor) -> Tensor:
        """Log of the scale of the error, [N, 1, H, W] in (-8, 8).

        Args:
            earlier, made, later: [N, 3, H, W], sides multiples of 4.
        """
        said = self.layers(torch.cat([earlier, made, later], 1))
        return FLATTEST * (said / FLATTEST).tanh()


def merge(first: Tensor, second: Tensor, mean: Tensor, found: Pruned) -> Tensor:
    """Look both pictures (less ``mean``) up and mix, [N, 3, H, W] in [0, 1]."""
    mixed = found.mask * look_up(first, found.flow0) + (1 - found.mask) * look_up(second, found.flow1)
    return (mixed + mean + found.residual).clamp(0, 1)

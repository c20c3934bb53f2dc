"""How do two pictures become two flows? RAFT: look up correlations around a guess, step, repeat.

Source: Teed, Deng, "RAFT: recurrent all-pairs field transforms for optical flow", ECCV 2020. The names of the parts are
those of the state dicts that its authors published.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from retempo.flow.raft.correlation import Pyramid
from retempo.flow.raft.encoders import Encoder, no_norm
from retempo.flow.raft.sizes import SIZES
from retempo.flow.raft.update import UpdateBlock

STORED: Final = 1 << 30
"""Bytes that a level of the correlation pyramid may take before it is made on the fly."""


class Raft(nn.Module):
    """The network, for inference.

    Args:
        size: ``large`` or ``small``.
    """

    def __init__(self, size: str = "large") -> None:
        super().__init__()
        self.size = SIZES[size]
        large = size == "large"
        self.fnet = Encoder(self.size, self.size.features, nn.InstanceNorm2d)
        self.cnet = Encoder(
            self.size, self.size.hidden + self.size.context, nn.BatchNorm2d if large else no_norm
        )
        self.update_block = UpdateBlock(self.size, large)
        self.eval()

    def forward(
        self, image0: Tensor, image1: Tensor, iterations: int = 12, limit: int = STORED
    ) -> tuple[Tensor, Tensor]:
        """Both flows of a pair; the features are computed once.

        Args:
            image0, image1: [1, 3, H, W] in [-1, 1]; sides are multiples of 8 and at least 128.
            iterations: steps from no motion to the result, >= 1.
            limit: see ``STORED``.

        Returns:
            ``(flow01, flow10)``, [1, 2, H, W] pixels, (dx, dy).
        """
        images = torch.cat([image0, image1])
        first, second = self.fnet(images).float().split(1)
        context0, context1 = self.cnet(images).split(1)
        forth = self._refine(first, second, context0, iterations, limit)
        return forth, self._refine(second, first, context1, iterations, limit)

    def _refine(self, first: Tensor, second: Tensor, seen: Tensor, iterations: int, limit: int) -> Tensor:
        pyramid = Pyramid(first, second, self.size.levels, self.size.radius, limit)
        state, context = seen.split([self.size.hidden, self.size.context], 1)
        state, context = torch.tanh(state), torch.relu(context)
        y, x = torch.meshgrid(
            *(torch.arange(side, device=first.device, dtype=torch.float32) for side in first.shape[2:]),
            indexing="ij",
        )
        start = torch.stack([x, y])[None]
        flow = torch.zeros_like(start)
        for _ in range(iterations):
            correlations = pyramid.look_up(start + flow)
            state, step = self.update_block(state, context, correlations, flow)
            flow = flow + step.float()
        return self.update_block.enlarge(state, flow)

"""How does a guess become a better one? A recurrent unit reads the correlations around it and says where to step."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from retempo.flow.raft.sizes import STRIDE, RaftSize
from retempo.flow.trained import enlarge_convex


class MotionEncoder(nn.Module):
    """Correlations and flow, made into features of motion; the flow itself comes last."""

    def __init__(self, size: RaftSize) -> None:
        super().__init__()
        self.deep = len(size.correlated) == 2
        self.convc1 = nn.Conv2d(size.looked_up, size.correlated[0], 1)
        if self.deep:
            self.convc2 = nn.Conv2d(size.correlated[0], size.correlated[1], 3, padding=1)
        self.convf1 = nn.Conv2d(2, size.moved[0], 7, padding=3)
        self.convf2 = nn.Conv2d(size.moved[0], size.moved[1], 3, padding=1)
        self.conv = nn.Conv2d(size.correlated[-1] + size.moved[1], size.motion - 2, 3, padding=1)

    def forward(self, flow: Tensor, correlations: Tensor) -> Tensor:
        """[N, 2, H, W] and [N, looked_up, H, W] -> [N, motion, H, W]."""
        seen = torch.relu_(self.convc1(correlations))
        if self.deep:
            seen = torch.relu_(self.convc2(seen))
        moved = torch.relu_(self.convf2(torch.relu_(self.convf1(flow))))
        return torch.cat([torch.relu_(self.conv(torch.cat([seen, moved], 1))), flow], 1)


class Recurrent(nn.Module):
    """A convolutional gated recurrent unit: 3x3, or a 1x5 pass and a 5x1 pass (whose layers end in 1 and 2)."""

    def __init__(self, hidden: int, reads: int, separable: bool) -> None:
        super().__init__()
        self.passes = {"1": (1, 5), "2": (5, 1)} if separable else {"": (3, 3)}
        for suffix, (height, width) in self.passes.items():
            for gate in "zrq":
                layer = nn.Conv2d(hidden + reads, hidden, (height, width), padding=(height // 2, width // 2))
                setattr(self, f"conv{gate}{suffix}", layer)

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        """[N, hidden, H, W] and what it reads -> the next state, of the same shape."""
        for suffix in self.passes:
            update, reset, candidate = (getattr(self, f"conv{gate}{suffix}") for gate in "zrq")
            both = torch.cat([state, x], 1)
            share = torch.sigmoid(update(both))
            proposed = torch.tanh(candidate(torch.cat([torch.sigmoid(reset(both)) * state, x], 1)))
            state = (1 - share) * state + share * proposed
        return state


class FlowHead(nn.Module):
    """Reads a step of the flow out of the state."""

    def __init__(self, hidden: int, inside: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(hidden, inside, 3, padding=1)
        self.conv2 = nn.Conv2d(inside, 2, 3, padding=1)

    def forward(self, state: Tensor) -> Tensor:
        """[N, hidden, H, W] -> [N, 2, H, W], eighths of the picture's pixels."""
        return self.conv2(torch.relu_(self.conv1(state)))


class UpdateBlock(nn.Module):
    """One iteration; the large network also says how to enlarge its flow."""

    def __init__(self, size: RaftSize, large: bool) -> None:
        super().__init__()
        self.encoder = MotionEncoder(size)
        self.gru = Recurrent(size.hidden, size.context + size.motion, separable=large)
        self.flow_head = FlowHead(size.hidden, size.head)
        self.mask: nn.Module | None = None
        if large:
            self.mask = nn.Sequential(
                nn.Conv2d(size.hidden, 256, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.Conv2d(256, STRIDE * STRIDE * 9, 1),
            )

    def forward(
        self, state: Tensor, context: Tensor, correlations: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the next state and the step of the flow."""
        state = self.gru(state, torch.cat([context, self.encoder(flow, correlations)], 1))
        return state, self.flow_head(state)

    def enlarge(self, state: Tensor, flow: Tensor) -> Tensor:
        """Grow a flow [N, 2, H, W] in eighths of pixels to [N, 2, 8 H, 8 W] in pixels.

        The large network gives each fine pixel nine weights for the coarse vectors around it; they sum to 1. (A
        quarter of what the layers say is what the published weights were trained with.) The small one interpolates.
        """
        if self.mask is None:
            return STRIDE * functional.interpolate(
                flow, scale_factor=STRIDE, mode="bilinear", align_corners=True
            )
        return enlarge_convex(STRIDE * flow, 0.25 * self.mask(state), STRIDE)

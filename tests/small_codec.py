"""Which small clip, and which small networks, do the tests of the codec use?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch

from retempo.codec.config import CodecConfig
from retempo.codec.network import FrameCodec


def paint(count: int, width: int = 77, height: int = 50, seed: int = 0) -> Sequence[np.ndarray]:
    """Pictures [height, width, 3] uint8 of a texture that moves 2 pixels a frame to the left."""
    noise = np.random.default_rng(seed).integers(0, 255, (height, width + 2 * count, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    codes = np.round(smooth * 255).astype(np.uint8)
    return [np.ascontiguousarray(codes[:, 2 * i : 2 * i + width]) for i in range(count)]


def network(seed: int = 0, **config: Any) -> FrameCodec:
    """An untrained network whose latents are not all zero."""
    torch.manual_seed(seed)
    made = FrameCodec(CodecConfig(**{"width": 8, "latent": 6, **config}))
    with torch.no_grad():
        made.encoder[-1].weight.mul_(20)
        made.decoder[-1].weight.mul_(0.3)
        if made.residual is not None:
            made.residual.encoder[-1].weight.mul_(5)
    return made.eval()

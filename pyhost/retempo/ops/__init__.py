"""How do pixels move along a flow? Splat, warp and synthesize, for NumPy arrays and torch tensors.

``splat`` and ``warp`` take [N, C, H, W] and are differentiable with torch; ``warp_image``, ``invert_flow``,
``importance``, ``susan`` and ``synthesize`` are the channel-last inference path. ``retempo.ops.reference`` holds the
same maths in plain PyTorch. Importing this never imports torch.
"""

from __future__ import annotations

from retempo.ops.inverting import Inverted, invert_flow
from retempo.ops.measuring import importance
from retempo.ops.smoothing import susan
from retempo.ops.splatting import Splat, splat
from retempo.ops.synthesizing import Synthesis, synthesize
from retempo.ops.warping import warp, warp_image

__all__ = [
    "Inverted",
    "Splat",
    "Synthesis",
    "importance",
    "invert_flow",
    "splat",
    "susan",
    "synthesize",
    "warp",
    "warp_image",
]

"""Which way is up? The conventions that every room shares; nothing here computes anything.

Pixels
    Integer coordinates are pixel centres; (0, 0) is the centre of the top-left pixel, x grows to the
    right, y grows downwards. A pixel covers [x - 0.5, x + 0.5).

Arrays
    Images on their way through the host are channel-last, ``[H, W, C]`` float32, C-contiguous; flow is
    ``[H, W, 2]``, single planes are ``[H, W]``. The operators for training (``retempo.ops``) follow
    PyTorch instead: ``[N, C, H, W]``. NumPy arrays and torch tensors are equally welcome.

Flow
    ``flow01[y, x] = (dx, dy)`` in pixels: the pixel at (x, y) of frame 0 is seen at (x + dx, y + dy) in
    frame 1. ``flow10`` likewise from frame 1 to frame 0.

Time
    A *source time* is a frame number of the source, possibly between two frames, held as an exact
    ``fractions.Fraction``. A *phase* in [0, 1] is the position between the two frames of a pair.

Metrics
    ``splat`` metric: the weight exponent Z of softmax splatting, larger is nearer to the camera.
    ``merge`` metric: how far a candidate is to be trusted in the blend, >= 0.

Colour
    *Working* pixels are scene-linear and premultiplied; warping and blending happen there. *Flow-space*
    pixels are a bounded encoding in [0, 1], used only to estimate flow and metrics.

Identifiers
    Id channels (Cryptomatte, object ids) travel as ``uint32`` bit patterns and are never blended.
"""

from __future__ import annotations

from typing import Final

RGB_LUMA: Final = (0.2126, 0.7152, 0.0722)
"""Rec. 709 luminance weights, used where a flow estimator wants one channel."""

WORST_FOOTPRINT_RADIUS: Final = 2
"""Half-width in pixels of the widest splat footprint (Gaussian 4x4)."""

SETTINGS_KEY: Final = "retempo:settings"
"""Metadata key that carries the hash of settings and inputs in every written frame."""

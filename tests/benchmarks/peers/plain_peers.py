"""What do we make of the missing frames, and what do the plainest methods: a blend, and warps by half of a flow?"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from peer import Rgb, Shot

import retempo
from retempo.evaluate.rebuild import Rebuilder, quantise
from retempo.flow.catalog import parse_flow
from retempo.render.settings import RetimeSettings


def code_digest() -> str:
    """Of everything in the package that could change a frame; compiled parts included."""
    package = Path(retempo.__file__).parent
    digest = hashlib.sha256()
    for path in sorted((*package.rglob("*.py"), *package.glob("_native*.so"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Retempo:
    """This project, by the code of ``retempo evaluate``."""

    name = "retempo"

    def __init__(self, settings: RetimeSettings) -> None:
        self._settings = settings
        self.setup = f"{code_digest()} {json.dumps(asdict(settings), sort_keys=True)}"

    def missing(self) -> str:
        return ""

    def rebuild(self, shot: Shot) -> dict[int, Rgb]:
        rebuilder = Rebuilder(self._settings)
        made = {}
        for number in shot.wanted:
            near = rebuilder.nearby(shot.kept, number - 1)
            made[number] = rebuilder.between({one: shot.rgb(one) for one in near}, number - 1, [number])[0]
        return made


class Blend:
    """The mean of both neighbours."""

    name = "blend"
    setup = "1"

    def missing(self) -> str:
        return ""

    def rebuild(self, shot: Shot) -> dict[int, Rgb]:
        return {
            number: ((shot.rgb(number - 1).astype(np.uint16) + shot.rgb(number + 1) + 1) // 2).astype(
                np.uint8
            )
            for number in shot.wanted
        }


class HalfWarp:
    """DIS as we run it by default: each frame is fetched through half of its flow, bilinearly, both are averaged."""

    name = "half-warp"

    def __init__(self) -> None:
        self.setup = code_digest()

    def missing(self) -> str:
        return ""

    def rebuild(self, shot: Shot) -> dict[int, Rgb]:
        (estimator,) = parse_flow("dis")
        made = {}
        for number in shot.wanted:
            pair = [shot.rgb(near).astype(np.float32) / np.float32(255) for near in (number - 1, number + 1)]
            flows = estimator.estimate(*pair)  # type: ignore[union-attr]
            warped = [fetch(image, flow / -2) for image, flow in zip(pair, flows, strict=True)]
            made[number] = quantise((warped[0] + warped[1]) / 2)
        return made


def fetch(image: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """[H, W, 3] float32 at every pixel's place plus its offset [H, W, 2] in pixels; edges repeat."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return cv2.remap(
        image, x + offset[..., 0], y + offset[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )

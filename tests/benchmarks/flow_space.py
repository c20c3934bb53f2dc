"""Which encoding of scene-linear light gives the better in-betweens?

Every second frame of real clips is thrown away and made again by the default engine (DIS, SplatSyn), which
warps and blends scene-linear light but sees another encoding of it each time. Scores are mean PSNR against the
true frame after x / (1 + x) and a power of 1 / 2.2, for four kinds of light made of each clip: as it is, with its
highlights raised to 30, 20 times darker, and 20 times brighter (scored at the first exposure).

    python tests/benchmarks/flow_space.py            # some minutes; results stand in ocio/README.md
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from retempo.color.flow_space import Shoulder
from retempo.color.pipeline import ColorPipeline
from retempo.flow.dis import DisFlow
from retempo.synthesis.options import SynthesisOptions
from retempo.synthesis.pipeline import FlowPair, prepare

REPO = Path(__file__).resolve().parents[2]
CLIPS = Path(os.environ.get("RETEMPO_DATA", REPO.parent / "shared" / "data")) / "clips"
NAMES = (
    "01_dog",
    "02_cups",
    "03_blocks",
    "04_coffee",
    "car-detection",
    "one-by-one-person-detection",
    "bedroom",
)
WIDTH = 640
STARTS = (30, 40, 50)

MOVIE = ColorPipeline("ocio://default", input_space="srgb_tx")
LIGHT = ColorPipeline("ocio://default", input_space="ACEScg")
ACESCCT = ColorPipeline("ocio://default", input_space="ACEScg", output_space="ACEScct")

Light = np.ndarray


def scaled_cct(light: Light, peak: float) -> np.ndarray:
    """ACEScct, straight from linear 0 to the linear value ``peak``."""
    shoulder = LIGHT.flow.shoulder
    assert isinstance(shoulder, Shoulder)
    top = float(ACESCCT.to_output(np.full((1, 1, 3), peak, np.float32)).mean())
    value = (ACESCCT.to_output(light) - shoulder.black) / (top - shoulder.black)
    return np.clip(value, 0.0, 1.0).astype(np.float32)


ENCODINGS: dict[str, Callable[[Light], np.ndarray]] = {
    "sRGB curve, clipped at 1": lambda light: np.clip(MOVIE.to_output(light), 0.0, 1.0),
    "ACEScct straight to 65504": lambda light: scaled_cct(light, 65504.0),
    "ACEScct clipped at 1": lambda light: scaled_cct(light, 1.0),
    "ACEScct with the shoulder (auto)": LIGHT.to_flow,
}


def raise_highlights(light: Light) -> Light:
    """Light whose brightest parts are 30 times as bright."""
    peak = light.max(axis=-1, keepdims=True)
    return light * (1.0 + 30.0 * np.clip((peak - 0.6) / 0.4, 0.0, 1.0) ** 2).astype(np.float32)


KINDS: dict[str, tuple[Callable[[Light], Light], float]] = {
    "as is": (lambda light: light, 1.0),
    "raised": (raise_highlights, 1.0),
    "/ 20": (lambda light: light * np.float32(0.05), 20.0),
    "x 20": (lambda light: light * np.float32(20.0), 0.05),
}


def read_triplets(name: str) -> list[list[Light]]:
    """Scene-linear frames n, n + 2, n + 4 of a clip."""
    reader = cv2.VideoCapture(str(CLIPS / f"{name}.mp4"))
    wanted = {start + step for start in STARTS for step in (0, 2, 4)}
    frames: dict[int, Light] = {}
    for index in range(max(wanted) + 1):
        ok, frame = reader.read()
        if not ok:
            break
        if index in wanted:
            scale = min(1.0, WIDTH / frame.shape[1])
            small = cv2.resize(frame[..., ::-1], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            frames[index] = MOVIE.to_working((small / 255.0).astype(np.float32))
    groups = [[start, start + 2, start + 4] for start in STARTS]
    return [[frames[index] for index in group] for group in groups if set(group) <= frames.keys()]


def score(triplet: list[Light], encode: Callable[[Light], np.ndarray], exposure: float) -> float:
    """PSNR in dB of the made middle frame."""
    first, truth, second = triplet
    seen = [np.ascontiguousarray(encode(light)) for light in (first, second)]
    ready = prepare(seen, [0, 1], [FlowPair(0, 1, *DisFlow().estimate(*seen))], SynthesisOptions())
    made = ready.render([first, second], 0.5).pixels

    def tone(light: Light) -> np.ndarray:
        positive = np.maximum(light * exposure, 0.0)
        return (positive / (1.0 + positive)) ** (1 / 2.2)

    return float(-10.0 * np.log10(np.mean((tone(made) - tone(truth)) ** 2)))


def main() -> None:
    """Print the table."""
    if not CLIPS.is_dir():
        raise SystemExit(f"no footage at {CLIPS}; set RETEMPO_DATA")
    scores: dict[tuple[str, str], list[float]] = {}
    for name in NAMES:
        for triplet in read_triplets(name):
            for kind, (make, exposure) in KINDS.items():
                lights = [make(light) for light in triplet]
                for label, encode in ENCODINGS.items():
                    scores.setdefault((label, kind), []).append(score(lights, encode, exposure))
    print("| flow sees | " + " | ".join(KINDS) + " |")
    print("|---" * (len(KINDS) + 1) + "|")
    for label in ENCODINGS:
        print(f"| {label} | " + " | ".join(f"{np.mean(scores[label, kind]):.2f}" for kind in KINDS) + " |")
    print(f"{len(scores[label, kind])} triplets")


if __name__ == "__main__":
    main()

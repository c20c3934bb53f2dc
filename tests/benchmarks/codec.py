"""What do frames between keys cost with the learned codec, and how good are they, against three others?

``joint``: networks of several lambdas, each by itself. ``interpolation``: the same frames made by splatsyn from the
same references in the same order, nothing transmitted. ``sequential``: motion coded first, by an autoencoder with a
loss of its own, then compensated. ``x264``: medium, 4:4:4, a key where ours has one, no scene cuts, at constant rate
factors; ``x264, fine keys``: constant quantisers, keys up to 20 finer, since ours are fine whatever lambda is.

Bits are of the frames between keys alone (their packets, in x264), and of all; PSNR is of 8-bit RGB codes, pooled over
those frames of a clip, and the mean over clips is shown. Clips of the scoreboard: no network was trained on them.

    python tests/benchmarks/codec.py --joint FOLDER --sequential FOLDER
"""

from __future__ import annotations

import argparse
import io
import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch

from clips import footage
from retempo.codec.clip import encode_clip
from retempo.codec.container import Header, order_of
from retempo.codec.frames import psnr
from retempo.codec.weights import Codec, load_codecs
from retempo.flow.base import FlowEstimator
from retempo.models.registry import load_engine
from retempo.render.coding import Stills, find_estimator

CLIPS = ("02_cups", "05_default_juggle", "bedroom", "car-detection")
GOP, KEY_QUALITY = 4, 90
KEY_QP = 18
RATES = (18, 22, 26, 30, 34, 38, 42, 46, 51)
COLOURS = {  # BGR
    "joint": (40, 90, 220), "sequential": (200, 120, 40), "interpolation": (120, 120, 120),
    "x264, fine keys": (60, 150, 60),
}  # fmt: skip

Clip = Sequence[np.ndarray]


def read(name: str, count: int, width: int) -> Clip:
    """The first frames of a clip, [h, width, 3] uint8, both sides even."""
    found = footage()
    if found is None:
        raise SystemExit("no footage: set RETEMPO_DATA")
    with av.open(str(found.parent / f"{name}.mp4")) as container:
        frames = [one.to_ndarray(format="rgb24") for one in islice(container.decode(video=0), count)]
    height = round(frames[0].shape[0] * width / frames[0].shape[1] / 2) * 2
    return [cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in frames]


def header_of(clip: Clip, codecs: Sequence[Codec]) -> Header:
    """A key every GOP frames, JPEG XL of quality 90."""
    height, width = clip[0].shape[:2]
    return Header(
        width, height, len(clip), 0, "25", GOP, 2, "jxl", KEY_QUALITY, tuple(c.digest for c in codecs), ""
    )


def pool(values: Sequence[float]) -> float:
    """PSNR of the mean error, from those of frames."""
    return -10 * math.log10(float(np.mean([10 ** (-one / 10) for one in values])))


def measure_codec(clip: Clip, codec: Codec, estimator: FlowEstimator) -> dict[str, float]:
    """Bits a pixel and PSNR with one network; how far the estimate of bits is off, over the clip."""
    header = header_of(clip, [codec])
    made = [report for _, report in encode_clip(header, clip.__getitem__, [codec], estimator, Stills(header))]
    between = [one for one in made if not one.key]
    area = clip[0].shape[0] * clip[0].shape[1]
    spent = 8 * sum(one.bytes for one in between)
    return {
        "bpp": spent / area / len(between), "psnr": pool([one.psnr for one in between]),
        "all_bpp": 8 * sum(one.bytes for one in made) / area / len(made), "all_psnr": pool([one.psnr for one in made]),
        "estimate": sum(one.bits for one in between) / spent, "bytes": spent / 8 / len(between),
    }  # fmt: skip


def measure_interpolation(clip: Clip) -> dict[str, float]:
    """Splatsyn from decoded keys, and from what it made, in the codec's order."""
    header = header_of(clip, [])
    stills, known, found, keys = Stills(header), dict[int, np.ndarray](), [], []
    engine = load_engine("splatsyn")
    for step in order_of(header):
        if step.is_key:
            data = stills.encode(clip[step.frame])
            known[step.frame] = stills.decode(data, "a key")
            keys.append((len(data), psnr(clip[step.frame], known[step.frame])))
            continue
        before, after = step.references
        pair = [
            torch.from_numpy(known[one].astype(np.float32) / 255).permute(2, 0, 1)[None]
            for one in (before, after)
        ]
        made = engine.prepare(pair).render((step.frame - before) / (after - before)).image
        codes = (made[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
        known[step.frame] = codes
        found.append(psnr(clip[step.frame], codes))
    return {
        "bpp": 0.0, "psnr": pool(found),
        "all_bpp": 8 * sum(size for size, _ in keys) / clip[0][..., 0].size / len(clip),
        "all_psnr": pool([*found, *(score for _, score in keys)]),
    }  # fmt: skip


def measure_x264(clip: Clip, rate: int, *, fine: bool) -> dict[str, float]:
    """Medium, keys where the codec has them; ``fine``: keys finer than the rest."""
    file = io.BytesIO()
    height, width = clip[0].shape[:2]
    with av.open(file, "w", format="matroska") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p"
        keys = f"keyint={GOP}:min-keyint={GOP}:scenecut=0:open-gop=0"
        stream.options = {"preset": "medium", "x264-params": keys, "qp" if fine else "crf": str(rate)}
        if fine:
            stream.options["x264-params"] = (
                f"{keys}:ipratio={min(10.0, max(1.4, 2 ** ((rate - KEY_QP) / 6))):.3f}"
            )
        for one in clip:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(one, format="rgb24")))
        out.mux(stream.encode())
    file.seek(0)
    with av.open(file) as back:
        packets = [(one.is_keyframe, one.size) for one in back.demux(video=0) if one.size]
    file.seek(0)
    with av.open(file) as back:
        decoded = [(one.key_frame, one.to_ndarray(format="rgb24")) for one in back.decode(video=0)]
    scores = [(key, psnr(truth, made)) for truth, (key, made) in zip(clip, decoded, strict=True)]
    between = [size for key, size in packets if not key]
    area = width * height
    return {
        "bpp": 8 * sum(between) / area / len(between), "psnr": pool([score for key, score in scores if not key]),
        "all_bpp": 8 * sum(size for _, size in packets) / area / len(packets),
        "all_psnr": pool([score for _, score in scores]),
    }  # fmt: skip


def gap(point: dict[str, float], curve: Sequence[dict[str, float]], prefix: str = "") -> str:
    """How many times the bits of x264 at the same PSNR, from its curve."""
    bits, score = f"{prefix}bpp", f"{prefix}psnr"
    order = sorted(curve, key=lambda one: one[score])
    if point[score] < order[0][score]:
        return f"below its {order[0][score]:.1f} dB"
    if point[score] > order[-1][score]:
        return f"above its {order[-1][score]:.1f} dB"
    wanted = np.interp(point[score], [one[score] for one in order], [math.log(one[bits]) for one in order])
    return f"{point[bits] / math.exp(float(wanted)):.1f}x"


def mean(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """Of clips, figure by figure."""
    return {key: float(np.mean([one[key] for one in found])) for key in found[0]}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Everything, clip by clip."""
    estimator = find_estimator("dis:balanced")
    joint, sequential = load_codecs(args.joint), load_codecs(args.sequential)
    clips = {name: read(name, args.frames, args.width) for name in args.clips.split(",")}
    data: dict[str, Any] = {"clips": {name: list(clip[0].shape) for name, clip in clips.items()}}

    def over(what: Any) -> dict[str, Any]:
        each = {name: what(clip) for name, clip in clips.items()}
        return {**mean(list(each.values())), "each": each}

    data["interpolation"] = [over(measure_interpolation)]
    for kind, codecs in (("joint", joint), ("sequential", sequential)):
        data[kind] = []
        for codec in codecs:
            data[kind].append(
                {"lambda": codec.weight, **over(lambda clip, c=codec: measure_codec(clip, c, estimator))}
            )
            print(kind, codec.weight, {k: v for k, v in data[kind][-1].items() if k != "each"}, flush=True)
    for kind, fine in (("x264", False), ("x264, fine keys", True)):
        data[kind] = [
            {
                "qp" if fine else "crf": rate,
                **over(lambda clip, r=rate, f=fine: measure_x264(clip, r, fine=f)),
            }
            for rate in RATES
        ]
    return data


def table(data: dict[str, Any]) -> Iterator[str]:
    """Lines of Markdown."""
    names = list(data["clips"])
    heads = [
        "",
        "bits a pixel",
        "PSNR, dB",
        *names,
        "against x264, fine keys",
        "with keys",
        "PSNR",
        "against x264",
    ]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for kind in ("interpolation", "joint", "sequential", "x264, fine keys", "x264"):
        for one in data[kind]:
            label = next(
                (f"{kind}, {key} {one[key]:g}" for key in ("lambda", "crf", "qp") if key in one), kind
            )
            cells = [label, f"{one['bpp']:.4f}", f"{one['psnr']:.2f}"]
            cells += [f"{one['each'][name]['psnr']:.2f}" for name in names]
            ours = kind in ("joint", "sequential")
            cells += [gap(one, data["x264, fine keys"]) if ours else "", f"{one['all_bpp']:.3f}"]
            cells += [f"{one['all_psnr']:.2f}", gap(one, data["x264"], "all_") if ours else ""]
            yield f"| {' | '.join(cells)} |"


def draw(data: dict[str, Any], path: Path) -> None:
    """PSNR over bits a pixel of the frames between keys, on a logarithmic axis."""
    width, height, margin = 720, 440, 60
    picture = np.full((height, width, 3), 250, np.uint8)
    points = {kind: sorted((one["bpp"], one["psnr"]) for one in data[kind]) for kind in COLOURS}
    level = points["interpolation"][0][1]
    spent = [bits for kind in COLOURS if kind != "interpolation" for bits, _ in points[kind]]
    low, high = math.log10(min(spent)) - 0.1, math.log10(max(spent)) + 0.1
    scores = [score for one in points.values() for _, score in one]
    bottom, top = math.floor(min(scores)) - 1, math.ceil(max(scores))

    def place(bits: float, score: float) -> tuple[int, int]:
        x = margin + (width - 2 * margin) * (math.log10(bits) - low) / (high - low)
        return round(x), round(height - margin - (height - 2 * margin) * (score - bottom) / (top - bottom))

    def write(text: str, at: tuple[int, int], colour: tuple[int, int, int] = (60, 60, 60)) -> None:
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)

    for score in range(bottom, top + 1, 4):
        cv2.line(picture, place(10**low, score), place(10**high, score), (225, 225, 225), 1)
        write(f"{score} dB", (8, place(1, score)[1] + 4))
    for power in range(math.ceil(low), math.floor(high) + 1):
        cv2.line(picture, place(10.0**power, bottom), place(10.0**power, top), (225, 225, 225), 1)
        write(f"{10.0**power:g}", (place(10.0**power, bottom)[0] - 12, height - margin + 18))
    write("bits a pixel, frames between keys", (width // 2 - 120, height - 14))
    cv2.line(picture, place(10**low, level), place(10**high, level), COLOURS["interpolation"], 2)
    for index, (kind, colour) in enumerate(COLOURS.items()):
        write(kind, (margin + 12 + 150 * index, margin // 2), colour)
        if kind == "interpolation":
            continue
        line = np.array([place(*one) for one in points[kind]], np.int32)
        cv2.polylines(picture, [line], False, colour, 2, cv2.LINE_AA)
        for at in line:
            cv2.circle(picture, tuple(map(int, at)), 4, colour, -1, cv2.LINE_AA)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


def main() -> None:
    """Measure, print the table, draw the curves."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--joint", type=Path, required=True, help="folder of networks, one a lambda")
    parser.add_argument("--sequential", type=Path, required=True, help="folder of the baseline's networks")
    parser.add_argument("--clips", default=",".join(CLIPS))
    parser.add_argument("--frames", type=int, default=17)
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--plot", type=Path, default=Path("build/codec.png"))
    parser.add_argument("--json", type=Path, default=Path("build/codec.json"))
    args = parser.parse_args()
    data = measure(args)
    print("\n".join(table(data)))
    for kind in ("joint", "sequential"):
        print(kind, [(one["lambda"], round(one["bytes"]), round(one["estimate"], 4)) for one in data[kind]])
    draw(data, args.plot)
    args.json.write_text(json.dumps(data, indent=1))


if __name__ == "__main__":
    main()

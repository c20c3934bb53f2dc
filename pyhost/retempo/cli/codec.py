"""How does a clip become small? ``retempo codec encode`` and ``decode``; ``gather`` and ``train`` make its
networks.

Keys travel as stills, the frames between as the little that decodes into motion and shares of decoded neighbours.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result
from retempo.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retempo.codec.clip import Report

HELP = "encode and decode 8-bit clips with a learned codec; train its networks (needs retempo[torch,codec])"

SIZES, PRIORS, KINDS = ("small", "published"), ("factorised", "hyperprior"), ("joint", "sequential")
"""As ``retempo.codec.config`` has them, which would load what --help does not need."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    words = parser.add_subparsers(dest="word", metavar="WHAT", required=True)
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_argument("--debug", action="store_true", help="show a traceback on errors")
    for word, add, said in (
        ("encode", _add_encode, "encode a clip of 8 bits into one file"),
        ("decode", _add_decode, "decode such a file into pictures or a movie"),
        ("gather", _add_gather, "cut training samples from clips"),
        ("train", _add_train, "train one network, for one lambda, in slices of minutes"),
        ("info", _add_info, "what is in an encoded file, or in weights"),
    ):
        add(words.add_parser(word, help=said, description=f"{said[0].upper()}{said[1:]}.", parents=[common]))


def _add_encode(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clip", help="sequence or movie with 8 bits a component")
    parser.add_argument("-o", "--output", type=Path, required=True, help="encoded file, e.g. clip.rtc")
    parser.add_argument(
        "--weights", type=Path, required=True,
        help="a network, or a folder of them, one a lambda; each frame takes the one that suits it",
    )  # fmt: skip
    parser.add_argument("--frames", help="frames of the clip, e.g. 0-100; default: all")
    parser.add_argument(
        "--quality", type=float, metavar="DB",
        help="PSNR that frames between keys should reach, with the fewest bytes (default: that of the keys)",
    )  # fmt: skip
    parser.add_argument(
        "--gop", type=int, default=8, help="frames from key to key, 1-10; default: %(default)s"
    )
    parser.add_argument(
        "--still", choices=("jxl", "png"), default="jxl", help="what keys are; default: %(default)s"
    )
    parser.add_argument(
        "--key-quality", type=int, default=90, metavar="Q",
        help="of JPEG XL, 1-100; 100 loses nothing (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--flow", default="dis:balanced", help="motion estimator; default: %(default)s")
    _add_common(parser)


def _add_decode(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="encoded file")
    parser.add_argument("-o", "--output", required=True, help="out.####.png or a movie")
    parser.add_argument("--weights", type=Path, help="the network or folder that encoded it; keys need none")
    _add_common(parser)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace files that exist")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads, 0 for all; default: %(default)s")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_gather(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("clips", nargs="+", help="sequences or movies")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file of the samples (.npy)")
    parser.add_argument("--count", type=int, default=60, help="samples a clip, about; default: %(default)s")
    parser.add_argument(
        "--references", type=int, default=2, help="frames a frame is made of; default: %(default)s"
    )
    parser.add_argument("--flow", default="dis:balanced", help="motion estimator; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of all choices; default: %(default)s")


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="file of samples to train on")
    parser.add_argument(
        "--held-out", type=Path, required=True, help="file of samples that are never trained on"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder of the training's state and results"
    )
    parser.add_argument(
        "--lambda", dest="weight", type=float, default=0.01,
        help="what an error of one 8-bit code squared is worth, in bits a pixel; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--from",
        dest="start",
        type=Path,
        help="weights of such a network, or of a sequential one, to begin with",
    )
    parser.add_argument("--size", choices=SIZES, default="small", help="of the network; default: %(default)s")
    parser.add_argument("--width", type=int, help="channels inside, in place of the size's")
    parser.add_argument("--latent", type=int, help="channels that travel, in place of the size's")
    parser.add_argument("--prior", choices=PRIORS, help="entropy model, in place of the size's")
    parser.add_argument(
        "--references", type=int, default=2, help="frames a frame is made of; default: %(default)s"
    )
    parser.add_argument(
        "--residual", action="store_true", help="a second latent of what the first left wrong"
    )
    parser.add_argument(
        "--kind", choices=KINDS, default="joint",
        help="sequential: motion coded by its own loss, a baseline; default: %(default)s",
    )  # fmt: skip
    for flag, default, said in (
        ("--minutes", 10.0, "length of this slice"),
        ("--horizon", 60.0, "minutes of all slices"),
        ("--rate", 1e-3, "learning rate at first"),
        ("--report", 180.0, "seconds between validations"),
    ):
        parser.add_argument(flag, type=float, default=default, help=f"{said}; default: %(default)s")
    for flag, default, said in (
        ("--batch", 4, "samples a step"),
        ("--crop", 128, "side of a sample in pixels"),
        ("--seed", 0, "of all chance"),
        ("--threads", 0, "CPU threads, 0 for all"),
    ):
        parser.add_argument(flag, type=int, default=default, help=f"{said}; default: %(default)s")
    parser.add_argument("--device", default="cpu", help="torch device; default: %(default)s")


def _add_info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="encoded file, weights, or a folder of weights")


def run(args: argparse.Namespace) -> Result:
    """Do one of the words.

    Raises:
        WeightsError: PyTorch, the range coder or weights are missing.
        UsageError, InputError, OutputError: as the words say.
    """
    _need_packages()
    if threads := getattr(args, "threads", 0):
        import torch

        torch.set_num_threads(threads)
    return {"encode": _encode, "decode": _decode, "gather": _gather, "train": _train, "info": _info}[
        args.word
    ](args)


def _need_packages() -> None:
    from retempo.errors import WeightsError
    from retempo.models.weights import missing_package

    if missing := missing_package():
        raise WeightsError(f"{missing} is not installed", "pip install 'retempo[torch,codec]'")


def _encode(args: argparse.Namespace) -> Result:
    from retempo.cli.retime import open_progress
    from retempo.render.coding import Wanted, encode_file

    wanted = Wanted(args.gop, args.still, args.key_quality, args.quality, args.flow)
    with open_progress(args.quiet or args.json) as progress:
        header, reports = encode_file(
            args.clip, args.output, args.weights, wanted,
            frames=args.frames, overwrite=args.overwrite, progress=progress,
        )  # fmt: skip
    size = args.output.stat().st_size
    seconds = header.frames / _rate(header.rate)
    data: dict[str, Any] = {
        "output": str(args.output), "bytes": size, "kbit_per_second": size * 8e-3 / seconds,
        **_totals(reports),
        "networks": list(header.networks),
        "frames": [{**vars(one), "psnr": _finite(one.psnr)} for one in reports],
    }  # fmt: skip
    lines = [f"{args.output}: {header.frames} frames, {size} bytes, {data['kbit_per_second']:.0f} kbit/s"]
    for name in ("keys", "between"):
        if (part := data[name])["frames"]:
            score = "lossless" if part["psnr"] is None else f"{part['psnr']:.2f} dB"
            lines.append(f"  {name}: {part['frames']} frames, {part['bytes']} bytes, {score}")
    return Result(data, "\n".join(lines))


def _rate(text: str) -> float:
    from fractions import Fraction

    return float(Fraction(text))


def _finite(value: float) -> float | None:
    """None where nothing was lost: JSON knows no infinity."""
    import math

    return value if math.isfinite(value) else None


def _totals(reports: Sequence[Report]) -> dict[str, Any]:
    from retempo.codec.clip import mean_psnr

    found = {}
    for name, part in (
        ("keys", [one for one in reports if one.key]),
        ("between", [one for one in reports if not one.key]),
    ):
        found[name] = {
            "frames": len(part), "bytes": sum(one.bytes for one in part),
            "psnr": _finite(mean_psnr(part)) if part else None,
        }  # fmt: skip
    return found


def _decode(args: argparse.Namespace) -> Result:
    from retempo.cli.retime import open_progress
    from retempo.render.coding import decode_file

    with open_progress(args.quiet or args.json) as progress:
        header, other = decode_file(
            args.file, args.output, args.weights, overwrite=args.overwrite, progress=progress
        )
    said = f"{args.output}: {header.frames} frames of {header.width}x{header.height}"
    if other:
        said += (
            f"\n{len(other)} frames are not exactly the encoder's (another processor rounds otherwise): "
            f"{', '.join(map(str, other[:8]))}{' ...' if len(other) > 8 else ''}"
        )
    return Result({"output": args.output, "frames": header.frames, "not_exact": other}, said)


def _gather(args: argparse.Namespace) -> Result:
    from retempo.render.coding import find_estimator
    from retempo.train.codec import gather

    if args.count < 1 or not 2 <= args.references <= 4:
        raise UsageError(f"--count {args.count}, --references {args.references}", "at least 1; 2 to 4")
    count = gather(args.clips, args.output, args.count, find_estimator(args.flow), args.references, args.seed)
    return Result({"samples": count, "file": str(args.output)}, f"{count} samples in {args.output}")


def _train(args: argparse.Namespace) -> Result:
    from dataclasses import replace

    from retempo.cli.train_slice import find_best
    from retempo.codec.config import SIZES
    from retempo.codec.weights import load_codec
    from retempo.train.codec import CodecSamples, CodecTask
    from retempo.train.trainer import Plan, train

    given = {
        name: getattr(args, name) for name in ("width", "latent", "prior") if getattr(args, name) is not None
    }
    config = replace(
        SIZES[args.size], **given, references=args.references, residual=args.residual, kind=args.kind
    )
    task = CodecTask(
        config, args.weight, CodecSamples(args.data, args.references),
        CodecSamples(args.held_out, args.references),
        batch=args.batch, size=args.crop, seed=args.seed, device=args.device,
    )  # fmt: skip
    if args.start is not None:
        task.begin_with(load_codec(args.start).network)

    def tell(line: dict[str, Any]) -> None:
        if not args.json:
            print(
                "  ".join(f"{k} {v:.6g}" if isinstance(v, float) else f"{k} {v}" for k, v in line.items()),
                flush=True,
            )

    progress = train(
        task, args.output, Plan(args.minutes, args.horizon, args.rate, args.report, args.seed), tell
    )
    weights, kept = find_best(args.output)
    return Result(
        {
            "iterations": progress.iteration, "minutes": progress.minutes, "untrained": progress.first,
            "best": progress.best, "weights": weights,
        },
        f"{progress.iteration} steps, {progress.minutes:.1f} minutes in all; held-out loss "
        f"{progress.first:.3f} -> {progress.best:.3f} (-10 log10, more is better); {kept}",
    )  # fmt: skip


def _info(args: argparse.Namespace) -> Result:
    from dataclasses import asdict

    if args.file.is_dir() or args.file.suffix.lower() == ".safetensors":
        from retempo.codec.weights import load_codecs

        found = [
            {"digest": one.digest, "lambda": one.weight, **one.config.as_dict(), **one.facts}
            for one in load_codecs(args.file)
        ]
        lines = ["  ".join(f"{key} {value}" for key, value in one.items()) for one in found]
        return Result({"weights": found}, "\n".join(lines))
    from retempo.render.coding import read_file

    header, packets = read_file(args.file)
    keys = [one for one in packets if one.kind == 0]
    data = {
        **asdict(header), "keys": len(keys), "key_bytes": sum(len(one.data) for one in keys),
        "bytes": args.file.stat().st_size,
        "packets": [{"frame": one.frame, "kind": one.kind, "network": one.network, "bytes": len(one.data)}
                    for one in packets],
    }  # fmt: skip
    told = (
        f"{args.file}",
        f"{header.frames} frames of {header.width}x{header.height}, from {header.first}, at {header.rate}",
        f"{len(keys)} keys ({header.still}, quality {header.quality}) with {data['key_bytes']} bytes",
        f"a key every {header.gop} frames, {header.references} references",
        f"networks {', '.join(header.networks)}",
    )
    return Result(data, "\n".join(told))

"""How is an engine of the literature trained? ``retempo train --engine NAME FOLDER... -o RUN``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result
from retempo.cli.train_slice import add_slice_arguments, report, teller

if TYPE_CHECKING:
    from retempo.flow.base import FlowEstimator
    from retempo.models.engine import Recipe
    from retempo.models.registry import Choice
    from retempo.train.trainer import Plan
    from retempo.train.windows import BatchSource

HELP = "train an engine of the literature on its own objective; the word may be left out before --engine"
LAYOUTS = ("auto", "vimeo-triplet", "vimeo-septuplet", "sequence")
"""As ``retempo.train.reels`` has them, which would load what --help does not need."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of ``retempo train engine``; what is not said is as the engine's authors did."""
    parser.add_argument(
        "folders", nargs="*", type=Path, metavar="FOLDER",
        help="Vimeo-90K, or any folders like it; sequences; movies; folders of them",
    )  # fmt: skip
    parser.add_argument(
        "--engine", required=True, metavar="NAME[:VARIANT]",
        help="what to train, as --engine of retime takes it: ifrnet:small; options of its objective may follow: "
        "film:style,vgg=FILE",
    )  # fmt: skip
    parser.add_argument(
        "--procedural", action="store_true", help="train on painted scenes without end, in place of folders"
    )
    parser.add_argument(
        "--held-out", type=Path, action="append", default=[], metavar="FOLDER",
        help="never trained on; default: the last twentieth of the frames, of painted scenes others",
    )  # fmt: skip
    parser.add_argument(
        "--layout", choices=LAYOUTS, default="auto", metavar="LAYOUT",
        help=f"how folders hold clips: {', '.join(LAYOUTS)} (default: auto, by what is there)",
    )  # fmt: skip
    parser.add_argument(
        "--widest", type=int, default=6, metavar="N",
        help="largest step from one frame of a gap to the other, in frames of the clip; default: %(default)s",
    )  # fmt: skip
    parser.add_argument(
        "--index", choices=("time", "distance"), default="time",
        help="tell engines that take maps the instant, or how far each pixel has come (by --flow); default: time",
    )  # fmt: skip
    parser.add_argument("--flow", default="dis", help="estimator of --index distance; default: %(default)s")
    parser.add_argument(
        "--teacher", metavar="FLOW", help="estimator whose motion objectives that distil it are given"
    )
    parser.add_argument(
        "--from",
        dest="start",
        type=Path,
        metavar="FILE",
        help="weights to begin with, published or one's own",
    )
    for name, kind, said in (
        ("optimiser", str, "adam, adamw or adamax"),
        ("rate", float, "learning rate at first"),
        ("decay", float, "of weights"),
        ("clip", float, "largest norm of the gradient, 0 for any"),
        ("crop", int, "side of a sample, pixels"),
        ("batch", int, "samples a step"),
    ):
        parser.add_argument(f"--{name}", type=kind, help=f"{said}; default: the engine's")
    parser.add_argument(
        "--betas", nargs=2, type=float, metavar=("B1", "B2"), help="of the optimiser; default: the engine's"
    )
    parser.add_argument(
        "--vary", metavar="NAMES",
        help="changes by chance, of mirror, flip, transpose, rotate, reverse, colours, jitter, with commas; "
        "none for none; default: the engine's",
    )  # fmt: skip
    parser.add_argument(
        "--half",
        action="store_true",
        help="16 bits where PyTorch deems them enough (bfloat16; CUDA: float16)",
    )
    parser.add_argument("--steps", type=int, default=0, help="of this slice, at most; default: any number")
    parser.add_argument(
        "--warm", type=int, default=100, help="steps over which the rate rises; default: %(default)s"
    )
    parser.add_argument(
        "--validate", type=int, default=16, metavar="N", help="held-out samples; default: %(default)s"
    )
    add_slice_arguments(parser)


def run(args: argparse.Namespace) -> Result:
    """Train one slice."""
    from retempo.errors import DeviceError, UsageError
    from retempo.models.registry import parse_engine
    from retempo.models.weights import need_packages

    choice = parse_engine(args.engine, training=True)
    if not choice.variant.parameters:
        raise UsageError(f"{choice.engine.name} has no network", "choose an engine that is trained")
    need_packages(choice.engine.name)
    import torch

    from retempo.train.engine_task import EngineTask
    from retempo.train.trainer import train

    recipe = _recipe(args, choice.engine.recipe)
    _check(args, choice, recipe)
    plan = _plan(args, recipe)
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    data, held_out = _find_data(args, choice)
    try:
        task = EngineTask(
            choice, data, held_out, batch=recipe.batch, crop=recipe.crop, vary=recipe.vary,
            limit=args.validate, device=args.device, seed=args.seed,
            index=_estimator(args.flow, "--flow") if args.index == "distance" else None,
            teacher=_estimator(args.teacher, "--teacher") if args.teacher else None,
        )  # fmt: skip
        if args.start:
            task.module.load_state_dict(_read_start(args.start, choice))
    except RuntimeError as error:
        raise DeviceError(f"cannot train on {args.device}: {error}", "choose another --device") from error
    progress = train(task, args.output, plan, teller(args.json))
    use = f"retempo weights add {choice.variant.weights} {args.output / 'best.safetensors'}"
    return report(progress, args.output, f"to use it: {use}, then --engine {choice.name}")


def _recipe(args: argparse.Namespace, recipe: Recipe) -> Recipe:
    """The engine's, with what the user said."""
    from retempo.train.variation import check_names

    said = {
        name: getattr(args, name)
        for name in ("optimiser", "rate", "decay", "clip", "crop", "batch")
        if getattr(args, name) is not None
    }
    if args.betas:
        said["betas"] = tuple(args.betas)
    if args.vary is not None:
        said["vary"] = () if args.vary == "none" else tuple(one.strip() for one in args.vary.split(","))
    changed = replace(recipe, **said)
    check_names(changed.vary)
    return changed


def _plan(args: argparse.Namespace, recipe: Recipe) -> Plan:
    from retempo.train.trainer import Plan

    return Plan(
        args.minutes, args.horizon, recipe.rate, args.report, args.seed, args.steps, args.warm,
        recipe.optimiser, recipe.betas, recipe.decay, recipe.clip, args.half,
    )  # fmt: skip


def _check(args: argparse.Namespace, choice: Choice, recipe: Recipe) -> None:
    from retempo.errors import UsageError

    able = choice.engine.capabilities
    if bool(args.folders) == args.procedural:
        raise UsageError(
            "folders and --procedural were both given" if args.folders else "there is nothing to train on",
            "name folders, or --procedural",
        )
    if args.index == "distance" and not able.index_map:
        raise UsageError(f"{choice.engine.name} takes no maps of instants", "leave --index distance out")
    if recipe.crop < 1 or recipe.crop % able.multiple:
        raise UsageError(
            f"--crop {recipe.crop}", f"{choice.engine.name} works on multiples of {able.multiple} pixels"
        )
    if min(recipe.batch, args.validate) < 1 or args.widest < 2:
        raise UsageError(
            f"--batch {recipe.batch}, --validate {args.validate}, --widest {args.widest}",
            "at least 1, 1 and 2",
        )


def _find_data(args: argparse.Namespace, choice: Choice) -> tuple[BatchSource, BatchSource]:
    """What is trained on, and what is never."""
    from retempo.train.reels import find_reels, hold_out
    from retempo.train.scenes import Scenes
    from retempo.train.windows import Windows, frames_needed

    able = choice.engine.capabilities

    def scenes() -> BatchSource:
        return Scenes(able, index=args.index == "distance")

    kept = find_reels(args.held_out, args.layout)
    if args.procedural:
        return scenes(), Windows(kept, able, widest=args.widest) if kept else scenes()
    reels = find_reels(args.folders, args.layout)
    if not kept:
        reels, kept = hold_out(reels, frames_needed(able))
    return Windows(reels, able, widest=args.widest), Windows(kept, able, widest=args.widest)


def _estimator(text: str, flag: str) -> FlowEstimator:
    """The one estimator of a ``--flow`` string, on the CPU."""
    from retempo.errors import UsageError
    from retempo.flow.catalog import VectorsMarker, parse_flow
    from retempo.models.weights import load_weights

    found = parse_flow(text, load_weights=load_weights, threads=1)
    if len(found) > 1 or isinstance(found[0], VectorsMarker):
        raise UsageError(f"{flag} {text}", "name one estimator that looks at pictures, such as dis or raft")
    return found[0]


def _read_start(path: Path, choice: Choice) -> Any:
    """Tensors to begin with, under the network's names."""
    from retempo.models.weights import read_tensors

    convert: Callable[..., Any] = choice.engine.convert
    return convert(read_tensors(path), choice.variant.name)

"""How are weights of one's own made? ``retempo train gather`` cuts samples from clips, the other words train.

``retempo train --engine NAME FOLDER...`` trains an engine of the literature (``cli.train_engine``).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from retempo.cli import train_engine
from retempo.cli.result import Result
from retempo.cli.train_slice import add_slice_arguments, report, teller

HELP = "train an engine or the neural flow on one's own footage, in slices of minutes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    kinds = parser.add_subparsers(dest="kind", metavar="WHAT", required=True)
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_argument("--debug", action="store_true", help="show a traceback on errors")
    gather = kinds.add_parser(
        "gather", help="cut training samples from clips", description=_gather.__doc__, parents=[common]
    )
    gather.add_argument("clips", nargs="+", help="sequences or movies")
    gather.add_argument("-o", "--output", type=Path, required=True, help="folder of the samples")
    gather.add_argument(
        "--gaps", type=int, default=40, help="places in time to look at, a clip; default: %(default)s"
    )
    gather.add_argument("--frames", help="frames of the clips to use, e.g. 0-200; default: all")
    gather.add_argument("--seed", type=int, default=0, help="of all choices; default: %(default)s")
    for name, said in (
        ("flow", "on painted scenes whose motion is known exactly"),
        ("synthesis", "on samples of footage, through the splatting, by the pictures that it makes"),
        ("upsampler", "'s guided upsampler, in the same way, on motion that was searched small"),
    ):
        said = f"train the flow {said}".replace(" '", "'")
        one = kinds.add_parser(name, help=said, description=f"T{said[1:]}.", parents=[common])
        if name != "flow":
            one.add_argument("--data", type=Path, required=True, help="folder of samples to train on")
        one.add_argument(
            "--held-out", type=Path, required=True, help="folder of samples that are never trained on"
        )
        if name != "upsampler":
            one.add_argument("--from", dest="start", type=Path, help="weights to begin with")
        add_slice_arguments(one)
        one.add_argument(
            "--rate", type=float, default=5e-4, help="learning rate at first; default: %(default)s"
        )
        one.add_argument("--batch", type=int, default=4, help="samples a step; default: %(default)s")
        one.add_argument(
            "--size", type=int, default=160, help="side of a sample in pixels, even; default: %(default)s"
        )
        one.add_argument(
            "--every", type=int, default=1, help="validate on each n-th sample; default: %(default)s"
        )
    engine = kinds.add_parser(
        "engine", help=train_engine.HELP, description=train_engine.__doc__, parents=[common]
    )
    train_engine.add_arguments(engine)


def run(args: argparse.Namespace) -> Result:
    """Gather or train."""
    if args.kind == "engine":
        return train_engine.run(args)
    return _gather(args) if args.kind == "gather" else _train(args)


def _gather(args: argparse.Namespace) -> Result:
    """Leave frames of clips out, as a user would lack them, search every motion around, and keep what is of use."""
    from retempo.train.footage import gather

    found = {clip: gather(clip, args.output, args.gaps, args.seed, frames=args.frames) for clip in args.clips}
    lines = [f"{count:6d}  {clip}" for clip, count in found.items()]
    return Result(
        {"samples": found, "folder": str(args.output)},
        "\n".join([*lines, f"{sum(found.values()):6d}  samples in {args.output}"]),
    )


def _train(args: argparse.Namespace) -> Result:
    import torch

    from retempo.errors import DeviceError, UsageError
    from retempo.flow.neural.files import load_refiner
    from retempo.train.footage import SIZE, Footage
    from retempo.train.procedural import Procedural
    from retempo.train.tasks import MotionTask, SynthesisTask, UpsamplerTask
    from retempo.train.trainer import Plan, Task, train

    if args.size % 2 or not 64 <= args.size <= SIZE or args.batch < 1 or args.every < 1:
        raise UsageError(
            f"--size {args.size}, --batch {args.batch}, --every {args.every}",
            f"the size is even and 64 to {SIZE}, the others are at least 1",
        )
    if args.threads:
        torch.set_num_threads(args.threads)
    options: dict[str, Any] = {
        "batch": args.batch, "size": args.size, "device": args.device, "threads": args.threads,
        "step": args.every,
    }  # fmt: skip
    held_out = Footage(args.held_out)
    try:
        task: Task
        if args.kind == "upsampler":
            task = UpsamplerTask(Footage(args.data), held_out, **options)
        elif args.kind == "flow":
            task = MotionTask(Procedural(), held_out, **options)
        else:
            task = SynthesisTask(Footage(args.data), held_out, **options)
        if getattr(args, "start", None):
            known, _ = load_refiner(args.start, torch.device("cpu"))
            task.module.load_state_dict(known.state_dict())
    except RuntimeError as error:
        raise DeviceError(f"cannot train on {args.device}: {error}", "choose another --device") from error
    plan = Plan(args.minutes, args.horizon, args.rate, args.report, args.seed)
    return report(train(task, args.output, plan, teller(args.json)), args.output)

"""How does a shot get the motion blur that its shutter did not leave? ``retempo blur IN -o OUT``, at its own speed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from retempo.cli.footage import add_frames_arguments, open_footage
from retempo.cli.inbetween import StillPair
from retempo.cli.result import Result
from retempo.cli.retime import add_run_arguments, render
from retempo.errors import UsageError
from retempo.render.flags import add_setting_arguments
from retempo.render.quality import choose_settings

HELP = "add motion blur to an image sequence, a movie or two stills"

BLUR: dict[str, Any] = {"speed": "1", "shutter_samples": 0, "outside": "bounce"}
"""What differs from a retime. Beyond the ends a shot is taken to run back, so that they are blurred evenly, by half."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("source", help="sequence or movie; or the earlier of two stills")
    parser.add_argument("second", nargs="?", help="the later of two stills; both are written, blurred")
    parser.add_argument("-o", "--output", required=True, help="pattern of the result, or a movie")
    add_frames_arguments(parser)
    add_run_arguments(parser)
    add_setting_arguments(
        parser,
        groups=(
            "quality",
            "shutter",
            "cuts",
            "footage",
            "flow",
            "synthesis",
            "colour",
            "output",
            "computing",
        ),
        defaults={"shutter_samples": "auto"},
    )


def run(args: argparse.Namespace) -> Result:
    """Every frame of the source, with the shutter open.

    Raises:
        UsageError: no blur was asked for, or --frames of two stills.
    """
    choice = choose_settings({**BLUR, **vars(args)})
    settings = choice.settings
    if settings.shutter_samples == 1 or settings.shutter_angle == 0:
        raise UsageError(
            "one instant, or a shutter that does not open, is no motion blur",
            "give --shutter-samples auto or 2 and more, and a --shutter-angle above 0",
        )
    if args.second is None:
        return render(args, choice, open_footage(args))
    if args.frames:
        raise UsageError("--frames is for sequences", "leave it out, or give one sequence")
    return render(args, choice, StillPair(Path(args.source), Path(args.second)))

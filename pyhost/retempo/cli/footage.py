"""Which footage does a command work on, and is it there yet?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retempo.io.source import Source


def add_frames_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags ``--frames`` and ``--wait-for-frames``."""
    parser.add_argument("--frames", help="source frames to use, e.g. 1001-1050; default: all there are")
    parser.add_argument(
        "--wait-for-frames", type=float, metavar="SECONDS",
        help="begin when all of --frames are there, whole and no longer changing; give up if none comes for so long",
    )  # fmt: skip


def open_footage(args: argparse.Namespace) -> Source:
    """Open ``args.source``, as soon as its frames are there.

    Raises:
        UsageError, InputError: see ``retempo.io.sequence.open_source`` and ``retempo.io.arrival.wait_for_frames``.
    """
    from retempo.io.sequence import open_source

    if args.wait_for_frames is not None:
        from retempo.io.arrival import wait_for_frames

        wait_for_frames(args.source, args.frames, args.wait_for_frames)
    return open_source(args.source, args.frames)

"""Who renders for the plugin? ``retempo serve``: one process a user, found by every host application."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

from retempo.cli.result import Result
from retempo.errors import UsageError

HELP = "render for the OpenFX plugin (started by it when needed)"
DEFAULT_IDLE = 900.0
DEFAULT_CACHE = "4G"
LIMITS = {
    "connections": ("256", "connections at the same time; further ones are closed"),
    "message": ("1M", "bytes of a message; a longer one ends its connection"),
    "side": ("32768", "pixels of a frame's width or height; larger ones are refused"),
    "requests": ("64", "requests of a connection that wait or are computed; further ones are refused"),
    "memory": ("64G", "bytes of one shared memory of a client; a larger one is refused"),
}
"""Name -> default and help."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="say whether a server runs, and what it does")
    what.add_argument("--stop", action="store_true", help="end the running server")
    parser.add_argument(
        "--idle-exit", type=float, default=DEFAULT_IDLE, metavar="SECONDS",
        help=f"end after this long without any client; 0: never (default: {DEFAULT_IDLE:g})",
    )  # fmt: skip
    parser.add_argument(
        "--cache", default=DEFAULT_CACHE, metavar="SIZE",
        help=f"memory for frames and motion that may be asked for again (default: {DEFAULT_CACHE})",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=int, default=0, help="frames rendered at a time; 0: by the number of cores"
    )
    limits = parser.add_argument_group("limits", "of what clients may ask for")
    for name, (default, said) in LIMITS.items():
        limits.add_argument(
            f"--max-{name}", default=default, metavar="N", help=f"{said} (default: {default})"
        )
    parser.add_argument(
        "--log", metavar="FILE", help="log file, rotated at 1 MiB (default: beside the socket)"
    )


def run(args: argparse.Namespace) -> Result:
    """Serve until stopped or idle, or ask a server that runs.

    Raises:
        UsageError: a size or time out of range.
        OutputError: the runtime directory is not safe, or the log cannot be written.
    """
    from retempo.server.limits import Limits
    from retempo.server.runtime import AlreadyRunning, Home, runtime_dir

    folder = runtime_dir()
    if args.status or args.stop:
        return _ask(folder, stop=args.stop)
    cache = _size(args.cache)
    limits = Limits(**{name: _size(getattr(args, f"max_{name}"), f"--max-{name}") for name in LIMITS})
    if not 0 <= args.idle_exit < float("inf") or not 0 <= args.workers <= 64:
        raise UsageError("--idle-exit and --workers must not be negative", "0 switches idle exit off")
    try:
        home = Home(folder)
    except AlreadyRunning as running:
        return Result({"running": True, "pid": running.pid}, f"{running} in {folder}")
    return _serve(home, cache, limits, args)


def _serve(home: Any, cache: int, limits: Any, args: argparse.Namespace) -> Result:
    from retempo import _native
    from retempo.server.loop import Server, allow_descriptors
    from retempo.server.runtime import LOG, open_log

    try:
        handler = open_log(Path(args.log) if args.log else home.folder / LOG)
        version = str(_native.build_info()["version"])
        logging.info("retempo %s, pid %d", version, os.getpid())
        allow_descriptors()
        server = Server(home, version, cache, args.idle_exit, args.workers, limits)
        if not args.json:
            with contextlib.suppress(OSError, ValueError):
                print(f"listening on {home.path}", flush=True)
        clean = server.run()
    except BaseException:
        home.unlink()
        raise
    logging.getLogger().removeHandler(handler)
    with contextlib.suppress(OSError):
        handler.close()
    if not clean:  # a worker's thread is deep in a frame, and would be waited for
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(0)
    return Result({"running": False, "stopped": True})


def _ask(folder: Path, *, stop: bool) -> Result:
    from retempo.server.control import ask

    facts = ask(folder, stop=stop)
    if facts is None:
        return Result({"running": False}, f"no server runs in {folder}", 0 if stop else 3)
    if stop:
        return Result({"running": False, "pid": facts["pid"]}, f"the server (pid {facts['pid']}) has ended")
    lines = [f"a server runs in {folder}"] + [f"  {name}: {value}" for name, value in facts.items()]
    return Result({"running": True, **facts}, "\n".join(lines))


def _size(text: str, flag: str = "--cache") -> int:
    from retempo.render.settings import parse_memory

    if text.strip() == "0":
        return 0
    try:
        value = parse_memory(text)
    except UsageError as error:
        raise UsageError(f"{flag} is {text!r}", "give a size such as 512M or 4G") from error
    if value is None:
        raise UsageError(f"{flag} is empty", "give a size such as 512M or 4G")
    return value

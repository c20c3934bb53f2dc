"""Which command is meant, and how does it end? Parses, dispatches, maps errors to exit codes."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from retempo.cli.interruption import PATIENCE, interruptible, leave
from retempo.errors import OUT_OF_MEMORY, DeviceError, InterruptedByUser, RetempoError, is_out_of_memory

COMMANDS = (
    "retime",
    "inbetween",
    "blur",
    "vectors",
    "review",
    "plate",
    "fuse",
    "submit",
    "status",
    "cancel",
    "evaluate",
    "train",
    "codec",
    "serve",
    "plugin",
    "info",
    "weights",
    "sample",
)

EPILOG = """exit codes: 0 done, 1 unexpected error, 2 bad parameter, 3 bad input, 4 cannot write, 5 colour,
6 timing, 7 device, 8 weights missing, 9 download failed, 10 farm job incomplete and nobody at work on it,
130 interrupted. `retempo COMMAND --help` lists a command's options."""

_NEGATIVE = re.compile(r"-\.?\d")


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; imports each command's (light) module."""
    parser = argparse.ArgumentParser(
        prog="retempo",
        description="Make frames that were never shot: slow motion, ramps, in-betweens.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--version", action="store_true", help="print the version and how the binary was built"
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print the result as JSON")
    common.add_argument("--debug", action="store_true", help="show a traceback on errors")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name in COMMANDS:
        module = import_module(f"retempo.cli.{name}")
        one = commands.add_parser(name, help=module.HELP, description=module.HELP, parents=[common])
        module.add_arguments(one)
        one.set_defaults(module=module)
    return parser


def join_negatives(argv: Sequence[str]) -> list[str]:
    """``--speed -1/2`` -> ``--speed=-1/2``: argparse takes a minus sign for a flag, unless a plain number follows."""
    joined: list[str] = []
    for one in argv:
        before = joined[-1] if joined else ""
        if _NEGATIVE.match(one) and before.startswith("--") and before != "--" and "=" not in before:
            joined[-1] = f"{before}={one}"
        else:
            joined.append(one)
    return joined


def name_training(argv: Sequence[str]) -> list[str]:
    """``train --engine ifrnet`` -> ``train engine --engine ifrnet``: argparse wants the word for what comes first."""
    command, *rest = argv or [""]
    asked = any(one.partition("=")[0] == "--engine" for one in rest)
    return ["train", "engine", *rest] if command == "train" and asked and rest[0] != "engine" else list(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``retempo ARGV``; returns the exit code (see EPILOG)."""
    parser = build_parser()
    args = parser.parse_args(name_training(join_negatives(sys.argv[1:] if argv is None else argv)))
    if args.version:
        from retempo import _native

        info = _native.build_info()
        print(f"retempo {info['version']}")
        for key, value in dict(info).items():
            print(f"  {key}: {value}")
        return 0
    if args.command is None:
        parser.print_help()
        return 2
    try:
        with interruptible(None if args.command == "serve" else PATIENCE):
            result = args.module.run(args)
            result.show(args.json)
            return int(result.exit_code)
    except KeyboardInterrupt:
        print("retempo: interrupted; finished frames are whole, --resume makes the rest", file=sys.stderr)
        return InterruptedByUser.exit_code
    except RetempoError as error:
        if args.debug:
            raise
        print(f"retempo {args.command}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as error:
        if args.debug:
            raise
        print(f"retempo {args.command}: {_unexpected(error)}", file=sys.stderr)
        return DeviceError.exit_code if is_out_of_memory(error) else RetempoError.exit_code


def program() -> NoReturn:
    """What the ``retempo`` command does: run, and end without waiting for threads that hang."""
    leave(main())


def _unexpected(error: Exception) -> str:
    """What is said of an error that no part of the program has put into words."""
    first = next(iter(str(error).splitlines()), "")
    if is_out_of_memory(error):
        return f"{OUT_OF_MEMORY[0]} ({type(error).__name__}: {first}); {OUT_OF_MEMORY[1]}"
    return f"unexpected {type(error).__name__}: {error}; --debug shows where it happened"

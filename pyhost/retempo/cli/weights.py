"""How do trained weights get onto this machine? ``retempo weights list``, ``fetch NAME``, ``add NAME FILE``.

Nothing is downloaded unless it is asked for here and agreed to.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retempo.cli.result import Result
from retempo.errors import InterruptedByUser, RetempoError, UsageError

if TYPE_CHECKING:
    from retempo.models.manifest import Entry, Published

HELP = "list, fetch or add the weights of trained networks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("what", choices=("list", "fetch", "add"), help="what to do")
    parser.add_argument("name", nargs="?", help="fetch, add: which weights, as the list names them")
    parser.add_argument(
        "file", nargs="?", type=Path, help="add: a local .pth or .pt, .safetensors, or a SavedModel's folder"
    )
    parser.add_argument("--sha256", default="", help="add: refuse a file that has another SHA-256")
    parser.add_argument("--yes", action="store_true", help="fetch: do not ask before downloading")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> Result:
    """List, fetch or add.

    Raises:
        UsageError: a name is missing or unknown, nobody can be asked.
        InputError: a file is broken, holds code, is another one than wanted, or fits another network.
        OutputError: the weights folder cannot be written.
        WeightsError: PyTorch or safetensors is not installed.
        DownloadError: no connection, a refusal, or not what was published.
        InterruptedByUser: the answer was no.
    """
    from retempo.models.manifest import find_entry

    if args.what == "list":
        return list_weights()
    if not args.name:
        raise UsageError(f"weights {args.what} needs a name", "`retempo weights list` shows them")
    entry = find_entry(args.name)
    if args.what == "fetch":
        return fetch(entry, args)
    if args.file is None:
        raise UsageError("weights add needs a file", f"retempo weights add {entry.name} FILE")
    from retempo.models.weights import add_weights

    return _added(entry, add_weights(entry.name, args.file, args.sha256))


def list_weights() -> Result:
    """What there is, where, under which licence, and whether it is here."""
    from retempo.models.manifest import read_manifest
    from retempo.models.weights import missing_package, weights_folder

    facts = [describe(entry) for entry in read_manifest()]
    folder, missing = weights_folder(), missing_package()
    data: dict[str, Any] = {"folder": str(folder), "missing_package": missing, "weights": facts}
    from rich.console import Group
    from rich.table import Table

    table = Table("name", "state", "what for", "published as", "by", "licence", title=f"weights in {folder}")
    for fact in facts:
        for index, one in enumerate(fact["files"]):
            head = (fact["name"], fact["state"], fact["what"]) if index == 0 else ("", "", "")
            where = one["file"] if one["url"] else f"{one['file']} (ask {one['page']})"
            table.add_row(*head, where, one["by"], one["licence"])
        if not fact["files"]:
            table.add_row(fact["name"], fact["state"], fact["what"], "nothing was published", "", "")
    notes = [f"{missing} is not installed: pip install 'retempo[torch]'"] if missing else []
    return Result(data, Group(table, *notes))


def describe(entry: Entry) -> dict[str, Any]:
    """JSON-ready facts of an entry: what the manifest says, and ``state``: ok, absent or what is wrong."""
    from dataclasses import asdict

    from retempo.models.weights import inspect

    facts = asdict(entry)
    try:
        found = inspect(entry.name)
    except RetempoError as error:
        return {**facts, "state": str(error)}
    if found is None:
        return {**facts, "state": "absent"}
    known = entry.recognise(found.source_sha256)
    return {
        **facts,
        "state": "ok",
        "path": str(found.path),
        "source_file": found.source_file,
        "source_sha256": found.source_sha256,
        "published": known is not None,
    }


def fetch(entry: Entry, args: argparse.Namespace) -> Result:
    """Ask, download, verify, add."""
    from retempo.models.download import download
    from retempo.models.weights import add_weights, need_packages, weights_folder

    need_packages(entry.name)
    published = entry.to_fetch
    if not entry.files:
        raise UsageError(
            f"nobody published weights for {entry.name}",
            f"train: `retempo train --engine {entry.engine}`, then retempo weights add {entry.name} FILE",
        )
    if published is None or not published.sha256:
        pages = ", ".join(dict.fromkeys(one.page for one in entry.files))
        raise UsageError(
            f"{entry.name} has no fixed address to fetch it from",
            f"ask the authors' repository ({pages}), then run retempo weights add {entry.name} FILE",
        )
    if not args.yes:
        ask(entry, published, weights_folder())
    part = download(published, weights_folder(), _progress(args))
    made = add_weights(entry.name, part, published.sha256, published.file)
    part.unlink()
    return _added(entry, made)


def ask(entry: Entry, published: Published, folder: Path) -> None:
    """Have the user agree to a download.

    Raises:
        UsageError: there is no terminal to ask on.
        InterruptedByUser: the answer is not yes.
    """
    said = (
        f"{entry.name}: {published.size / 1e6:.1f} MB from {published.url} ({published.by}, {published.licence}) "
        f"into {folder}"
    )
    if not sys.stdin.isatty():
        raise UsageError(f"nobody can be asked whether to download {said}", "pass --yes to agree")
    print(said, file=sys.stderr)
    print("Download? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InterruptedByUser(f"{entry.name} was not downloaded")


def _progress(args: argparse.Namespace) -> Any:
    if args.quiet or args.json or not sys.stderr.isatty():
        return None
    return lambda here, total: print(
        f"\r{here / 1e6:.1f} of {total / 1e6:.1f} MB", end="\n" if here >= total else "", file=sys.stderr
    )


def _added(entry: Entry, made: Any) -> Result:
    known = entry.recognise(made.source_sha256)
    origin = (
        f"{known.file} by {known.by}, {known.licence}"
        if known
        else f"{made.source_file}, which is none of the published files known: its licence is yours to know"
    )
    data = {
        "name": entry.name,
        "path": str(made.path),
        "source_sha256": made.source_sha256,
        "published": known is not None,
        "licence": known.licence if known else "",
    }
    return Result(data, f"{made.path}: {origin}; use it with {entry.flag}")

"""How does the OpenFX plugin get to where host applications look, and what is wrong if it does not work there?"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from retempo.cli.result import Result
from retempo.errors import InputError, OutputError

HELP = "install, remove or examine the OpenFX plugin"
BUNDLE: Final = "Retempo.ofx.bundle"
STANDARD: Final = {"darwin": "/Library/OFX/Plugins"}.get(sys.platform, "/usr/OFX/Plugins")
PATIENCE: Final = 60.0
"""Seconds that a worker may take to say its status."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this command."""
    parser.add_argument("what", choices=("install", "uninstall", "doctor"), help="what to do")
    parser.add_argument(
        "--to", metavar="FOLDER",
        help=f"folder of plugins (default: the first of $OFX_PLUGIN_PATH, else {STANDARD}, without permission there "
        "~/OFX/Plugins)",
    )  # fmt: skip
    parser.add_argument(
        "--bundle", metavar="PATH", help="the built bundle (default: build/ of this checkout)"
    )
    parser.add_argument("--link", action="store_true", help="install a link to the bundle instead of a copy")


def run(args: argparse.Namespace) -> Result:
    """Install, uninstall or examine.

    Raises:
        InputError: there is no bundle to install.
        OutputError: the folder cannot be written.
    """
    if args.what == "doctor":
        return examine(args)
    if args.what == "install":
        return install(Path(args.to) if args.to else install_folder(), find_built(args.bundle), args.link)
    folders = [Path(args.to)] if args.to else [*search_path(), personal()]
    return uninstall(next((one for one in folders if os.path.lexists(one / BUNDLE)), folders[0]))


def search_path() -> list[Path]:
    """Folders in which hosts look for plugins, in their order."""
    named = [
        Path(one)
        for one in os.environ.get("OFX_PLUGIN_PATH", "").replace(";", os.pathsep).split(os.pathsep)
        if one
    ]
    return [*named, Path(STANDARD)]


def personal() -> Path:
    """The user's own folder; hosts look there only if it is in $OFX_PLUGIN_PATH."""
    return Path.home() / "OFX" / "Plugins"


def install_folder() -> Path:
    """The first of $OFX_PLUGIN_PATH; else the standard folder, or the user's own where that cannot be written."""
    first = search_path()[0]
    if first != Path(STANDARD):
        return first
    there = next(one for one in (first, *first.parents) if one.exists())
    return first if there.is_dir() and os.access(there, os.W_OK) else personal()


def find_built(given: str | None) -> Path:
    """The bundle to install.

    Raises:
        InputError: it is not there, or holds no plugin.
    """
    path = Path(given) if given else Path(__file__).resolve().parents[3] / "build" / BUNDLE
    if not list(path.glob("Contents/*/Retempo.ofx")):
        raise InputError(
            f"there is no plugin in {path}", "build it with `make plugin`, or name it with --bundle"
        )
    return path


def install(folder: Path, bundle: Path, link: bool) -> Result:
    """Put the bundle into ``folder`` and note this Python in it; what was there before is replaced.

    Raises:
        OutputError: no permission, no space.
    """
    target = folder / BUNDLE
    beside = folder / f".{BUNDLE}.{os.getpid()}"
    if target.resolve() == bundle.resolve() and not target.is_symlink():
        raise OutputError(f"{target} is the bundle itself", "name another folder with --to")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if link:
            beside.symlink_to(bundle.resolve(), target_is_directory=True)
        else:
            shutil.copytree(bundle, beside)
            resources = beside / "Contents" / "Resources"
            (resources / "python-path").write_text(f"{sys.executable}\n", encoding="utf-8")
        _remove(target)
        beside.rename(target)
    except OSError as error:
        _remove(beside)
        raise OutputError(
            f"the plugin cannot be installed in {folder}: {error.strerror or error}",
            "use sudo, or name a folder of your own with --to and in OFX_PLUGIN_PATH",
        ) from error
    seen = folder.resolve() in [one.resolve() for one in search_path()]
    text = f"installed {target}"
    if not seen:
        text += f"\nhosts do not look there yet: export OFX_PLUGIN_PATH={folder}"
    return Result(
        {"bundle": str(target), "python": sys.executable, "linked": link, "on_search_path": seen}, text
    )


def uninstall(folder: Path) -> Result:
    """Remove the bundle from ``folder``.

    Raises:
        OutputError: no permission.
    """
    target = folder / BUNDLE
    there = target.exists() or target.is_symlink()
    try:
        _remove(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be removed: {error.strerror or error}", "use sudo") from error
    return Result(
        {"bundle": str(target), "removed": there}, f"removed {target}" if there else f"there is no {target}"
    )


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def examine(args: argparse.Namespace) -> Result:
    """Look for what keeps the plugin from working; exit code 3 if there is something.

    Looks at the bundles that hosts would find (or ``--bundle``, ``--to``), whether each can be loaded and is of this
    release, which Python its launcher chooses, and whether a worker runs.
    """
    if args.bundle:
        found = [Path(args.bundle)]
    else:
        folders = [Path(args.to)] if args.to else [*search_path(), personal()]
        found = [folder / BUNDLE for folder in dict.fromkeys(folders) if (folder / BUNDLE).exists()]
    checks: list[tuple[str, bool, str]] = []
    if not found:
        checks.append(("installed", False, "no bundle where hosts look; run `retempo plugin install`"))
    for bundle in found:
        checks += _examine_bundle(bundle)
    if [bundle.parent for bundle in found] == [personal()] and personal() not in search_path():
        checks.append(
            ("search path", False, f"hosts do not look there yet: export OFX_PLUGIN_PATH={personal()}")
        )
    checks.append(_examine_runtime())
    sound = all(good for _, good, _ in checks)
    lines = [f"{'ok  ' if good else 'BAD '} {what}: {text}" for what, good, text in checks]
    data = {"sound": sound, "checks": [{"what": a, "ok": b, "text": c} for a, b, c in checks]}
    return Result(data, "\n".join(lines), 0 if sound else InputError.exit_code)


def _examine_bundle(bundle: Path) -> list[tuple[str, bool, str]]:
    checks = [("bundle", True, str(bundle))]
    binaries = list(bundle.glob("Contents/*/Retempo.ofx"))
    if not binaries:
        return [("bundle", False, f"{bundle} holds no plugin; run `retempo plugin install` again")]
    from retempo.server.parameters import table_hash

    same = table_hash() in binaries[0].read_bytes()
    text = (
        "same parameters as this retempo"
        if same
        else "another release; run `make plugin`, then install it again"
    )
    checks.append(("release", same, text))
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(binaries[0])], capture_output=True, text=True, check=False
    )
    said = (done.stdout or done.stderr).strip().splitlines() or [f"ended with {done.returncode}"]
    checks.append(("loads", done.returncode == 0, said[-1]))
    launcher = bundle / "Contents" / "Resources" / "retempo-worker"
    try:
        which = subprocess.run([str(launcher), "--which"], capture_output=True, text=True, check=False)
        chosen, problem = which.stdout.strip(), which.stderr.strip()
    except OSError as error:
        chosen, problem = "", f"{launcher}: {error.strerror}"
    if not chosen:
        return [*checks, ("launcher", False, problem or f"{launcher} names no Python")]
    checks.append(("launcher", True, chosen))
    checks.append(_examine_python(launcher))
    return checks


_LOAD: Final = (
    "import ctypes, sys; lib = ctypes.CDLL(sys.argv[1]); n = lib.OfxGetNumberOfPlugins(); print(n, 'effects')"
)


def _examine_python(launcher: Path) -> tuple[str, bool, str]:
    """Does the worker that the bundle would start know the package?"""
    try:
        done = subprocess.run(
            [str(launcher), "--status", "--json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return "worker", False, f"`retempo serve --status` gives no answer within {PATIENCE:g} s"
    if done.returncode in (0, 3):  # runs, or could
        return "worker", True, "runs" if done.returncode == 0 else "can be started"
    last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    return "worker", False, f"cannot be started: {last}"


def _examine_runtime() -> tuple[str, bool, str]:
    """The folder in which plugin and worker meet."""
    from retempo.errors import RetempoError
    from retempo.server.runtime import check_dir, runtime_dir

    folder = runtime_dir()
    try:
        if folder.exists():
            check_dir(folder)
    except RetempoError as error:
        return "runtime folder", False, str(error)
    return "runtime folder", True, str(folder)

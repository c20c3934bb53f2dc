"""How is a target fuzzed? ``python tests/fuzz/run.py NAME... [--seconds 60 | --runs 500]``, ``make fuzz ARGS=60``.

Each target runs in a process of its own. What atheris finds on the way is kept in ``build/fuzz/NAME``; a finding
is written there too (``crash-...``, ``timeout-...``) and makes the exit code 1. ``--plain`` needs no atheris: the
committed inputs alone go through.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(REPO / "pyhost"))

import target as targets  # noqa: E402


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", help="targets, or files of targets (default: all)")
    parser.add_argument("--seconds", type=int, default=0, help="of fuzzing, each target (default: 60)")
    parser.add_argument(
        "--runs", type=int, default=0, help="inputs beyond the committed ones, in place of a time"
    )
    parser.add_argument("--seed", type=int, default=1, help="of chance; 0: another one each time")
    parser.add_argument(
        "--work", type=Path, default=REPO / "build" / "fuzz", help="where new inputs are kept"
    )
    parser.add_argument("--plain", action="store_true", help="the committed inputs only, without atheris")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    given = arguments().parse_args()
    if given.inside:
        return fuzz(given)
    failed = []
    options = [f"--seconds={given.seconds}", f"--runs={given.runs}", f"--seed={given.seed}"]
    options += [f"--work={given.work}", *(["--plain"] if given.plain else [])]
    for name in given.names or targets.names():
        command = [sys.executable, str(Path(__file__).resolve()), "--inside", *options, name]
        with targets.make_place() as place:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1", "TMPDIR": place}
            if subprocess.run(command, env=environment, check=False).returncode:
                failed.append(name)
    print(f"findings in: {', '.join(failed)} (see {given.work})" if failed else "no findings")
    return 1 if failed else 0


def fuzz(given: argparse.Namespace) -> int:
    """One target, in this process."""
    (name,) = given.names
    if given.plain:
        return try_all(targets.load_target(name))
    import atheris

    with atheris.instrument_imports(include=["retempo", "tomllib", "pickletools", "fileseq"]):
        chosen = targets.load_target(name)
        for data in chosen.seeds().values():
            chosen.check(data)  # what is imported on the way is instrumented, too
    work = given.work / chosen.name
    (work / "corpus").mkdir(parents=True, exist_ok=True)
    words = work / "words"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in chosen.words))
    folders = [work / "corpus", targets.CORPUS / chosen.name, targets.REGRESSIONS / chosen.name]
    flags = [
        f"-artifact_prefix={work}/", f"-dict={words}", f"-max_len={chosen.longest}", f"-seed={given.seed}",
        f"-timeout={targets.SECONDS}", f"-rss_limit_mb={_resident() + 768}", "-print_final_stats=1", "-verbosity=1",
        f"-runs={given.runs + len(chosen.inputs())}" if given.runs else f"-max_total_time={given.seconds or 60}",
    ]  # fmt: skip
    targets.limit_memory()
    atheris.Setup([name, *flags, *(str(one) for one in folders if one.is_dir())], chosen.check)
    atheris.Fuzz()
    return 0


def try_all(chosen: targets.Target) -> int:
    """The committed inputs, each with its limit of time."""
    targets.limit_memory()
    for where, path in chosen.inputs().items():
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process, whatever it is doing
        print(where, flush=True)
        signal.alarm(targets.SECONDS)
        chosen.check(path.read_bytes())
        signal.alarm(0)
    return 0


def _resident() -> int:
    """MiB that this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") >> 20


def _escaped(word: bytes) -> str:
    return "".join(chr(one) if 32 <= one < 127 and chr(one) not in '"\\' else f"\\x{one:02x}" for one in word)


if __name__ == "__main__":
    sys.exit(main())

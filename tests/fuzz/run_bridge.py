"""How are the plugin's parsers fuzzed? ``python tests/fuzz/run_bridge.py [NAME...] [--seconds 60 | --runs 20000]``.

Builds ``tests/fuzz/bridge`` with clang's libFuzzer, AddressSanitizer and UBSan in ``build/fuzz-bridge`` and runs each
program on the corpora that it shares with the targets in Python. Findings lie in ``build/fuzz/bridge-NAME``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from target import make_place  # noqa: E402

REPO = HERE.parents[1]
BUILD = REPO / "build" / "fuzz-bridge"
NAMES = {"wire_messages": "wire_messages", "stream": "wire_stream", "texts": "option_texts"}
"""Program -> whose corpus it begins with."""
LIMITS = ("-timeout=10", "-rss_limit_mb=1024", "-malloc_limit_mb=64", "-print_final_stats=1")


def find_tool(name: str) -> str | None:
    """A program of this environment, else of the system."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def why_not() -> str:
    """What is missing here; "" when nothing is."""
    missing = [name for name in ("cmake", "ninja", "clang++") if find_tool(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed"
    probe = 'extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, unsigned long) { return 0; }'
    command = [find_tool("clang++") or "", "-fsanitize=fuzzer,address", "-x", "c++", "-", "-o", os.devnull]
    done = subprocess.run(command, input=probe, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else "clang is here without libFuzzer (Debian: libclang-rt-14-dev)"


def build() -> Path:
    """The folder with the programs.

    Raises:
        SystemExit: they do not compile.
    """
    cmake, ninja = find_tool("cmake") or "cmake", find_tool("ninja") or "ninja"
    configure = [
        cmake, "-S", str(REPO / "plugin"), "-B", str(BUILD), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}",
        f"-DCMAKE_CXX_COMPILER={find_tool('clang++')}", "-DRETEMPO_FUZZ=ON",
        "-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O1",
    ]  # fmt: skip
    for command in (configure, [cmake, "--build", str(BUILD), "--target", "retempo_fuzz", "-j", "2"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout[-4000:] + done.stderr[-4000:])
    return BUILD


def run(name: str, work: Path, flags: list[str]) -> int:
    """Fuzz with one program; its exit code."""
    found = work / f"bridge-{name}"
    found.mkdir(parents=True, exist_ok=True)
    inputs = [HERE / folder / NAMES[name] for folder in ("corpus", "regressions")]
    command = [
        str(BUILD / f"fuzz_{name}"),
        *LIMITS,
        f"-artifact_prefix={found}/",
        "-max_len=4096",
        *flags,
        str(found),
    ]
    command += [str(one) for one in inputs if one.is_dir()]
    with make_place() as place:  # libFuzzer ends without tidying up
        return subprocess.run(command, env={**os.environ, "TMPDIR": place}, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="programs (default: all)")
    parser.add_argument("--seconds", type=int, default=60, help="of fuzzing, each")
    parser.add_argument("--runs", type=int, default=0, help="inputs, in place of a time")
    parser.add_argument("--seed", type=int, default=1, help="of chance; 0: another one each time")
    parser.add_argument(
        "--work", type=Path, default=REPO / "build" / "fuzz", help="where new inputs are kept"
    )
    given = parser.parse_args()
    if reason := why_not():
        print(f"the bridge is not fuzzed: {reason}")
        return 0
    build()
    length = f"-runs={given.runs}" if given.runs else f"-max_total_time={given.seconds}"
    failed = [one for one in given.names or NAMES if run(one, given.work, [f"-seed={given.seed}", length])]
    print(f"findings in the bridge: {', '.join(failed)}" if failed else "no findings in the bridge")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Where does the committed corpus come from? Run me: each target's ``seeds()`` are written to ``corpus/NAME``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "pyhost")]

import target as targets  # noqa: E402


def main() -> None:
    for name in targets.names():
        folder = targets.CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        seeds = targets.load_target(name).seeds()
        for old in set(folder.iterdir()) - {folder / seed for seed in seeds}:
            old.unlink()
        for seed, data in seeds.items():
            (folder / seed).write_bytes(data)


if __name__ == "__main__":
    main()

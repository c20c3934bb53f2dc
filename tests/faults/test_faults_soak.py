"""Does a server that is scrubbed for a while keep its memory, its descriptors and its threads?

Some hundred frames of what ``tests/benchmarks/soak.py`` does with ten thousand, and a leak on purpose, which is seen.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

from soak import soak_server

FRAMES = 800
LEAK = 20_000
"""Bytes a frame that must be noticed."""
BOUND = LEAK / 2
LEAKS = f"""
from retempo.server.worker import Worker
kept, work = [], Worker._work
def leak(*given):
    kept.append(bytearray({LEAK}))
    return work(*given)
Worker._work = leak
"""


@pytest.mark.slow
def test_memory_stays(tmp_path: Path) -> None:
    facts = soak_server(tmp_path, FRAMES, cache="1M")
    assert facts["renders"] == FRAMES
    assert facts["slope_bytes_a_frame"] < BOUND, facts
    for what in ("descriptors", "threads", "shared_objects", "hidden_files"):
        first, last = facts[what]
        assert first == last, facts


@pytest.mark.slow
def test_a_leak_would_be_seen(tmp_path: Path) -> None:
    facts = soak_server(tmp_path, FRAMES, cache="1M", before=LEAKS)
    assert facts["slope_bytes_a_frame"] > BOUND, facts

"""What does a host get through the bridge while the real worker behind it is killed again and again?"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import ROUNDS

SIZE = {"width": 96, "height": 54, "setting": "flow:dis:fast"}
RENDERS, STRIKES = 12, 3


def fixtures_of_bridge() -> Any:
    """``tests/bridge/conftest.py``, under a name of its own."""
    spec = util.spec_from_file_location(
        "bridge_fixtures", Path(__file__).parents[1] / "bridge" / "conftest.py"
    )
    assert spec is not None and spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fixtures = fixtures_of_bridge()
driver, bridge = fixtures.driver, fixtures.bridge


@pytest.fixture
def real(bridge: Any) -> Iterator[Any]:
    """The bridge with the worker of this environment."""
    bridge.environment["RETEMPO_PYTHON"] = sys.executable
    yield bridge
    bridge.run("status", stop=1)


def worker_of(real: Any) -> int:
    """The pid that is in the lock file, 0 while there is none."""
    living = [pid for pid in real.all_pids() if real.lives(pid)]
    return living[0] if living else 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_worker_that_is_ended_at_any_time(real: Any, sent: signal.Signals, seed: int) -> None:
    """Every render ends in the right picture, or in words; descriptors and shared memory are as before."""
    (line,) = real.render(time=0.25, out=real.folder / "right", **SIZE)
    assert line["ok"], line
    right = np.fromfile(real.folder / "right", np.uint32)
    draw, over = random.Random(f"{seed} {sent}"), threading.Event()
    struck: list[int] = []

    def strike() -> None:
        while not over.wait(draw.uniform(0.05, 0.5)):
            pid = worker_of(real)
            if pid:
                os.kill(pid, sent)
                struck.append(pid)

    killer = threading.Thread(target=strike)
    killer.start()
    shared = set(os.listdir("/dev/shm"))
    try:
        number, until = 0, time.monotonic() + 100
        while number < RENDERS or len(struck) < STRIKES:
            number += 1
            assert time.monotonic() < until, f"{len(struck)} strikes in {number} renders"
            out = real.folder / f"out{number}"
            line, count = real.run("render", frames="0,1", time=0.25, out=out, **SIZE)
            assert count["fds_after"] == count["fds_before"]
            if line["ok"]:
                np.testing.assert_array_equal(np.fromfile(out, np.uint32), right, f"render {number}")
            else:
                assert line["problem"] in ("lost", "cannot start", "worker") and line["message"], line
            if sent == signal.SIGHUP:
                assert line["ok"] and not line["restarted"], line
    finally:
        over.set()
        killer.join()
    time.sleep(0.1)
    (line,) = real.render(time=0.25, out=real.folder / "last", **SIZE)
    assert line["ok"], line
    np.testing.assert_array_equal(np.fromfile(real.folder / "last", np.uint32), right)
    assert not {name for name in os.listdir("/dev/shm") if name.startswith("rtmp")} - shared

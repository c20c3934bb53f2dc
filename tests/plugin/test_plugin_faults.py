"""What does a host see when something goes wrong? A picture or a message in time; nothing that is held stays behind.

The bridge's own tests (``tests/bridge/test_bridge_faults.py``) go through more ways to fail; these look from the host.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip, OfxHost
from host.plugin import ActionFailed
from retempo_bundle import (
    RETIME,
    find_bundle,
    moving_frames,
    open_node,
    stop_worker,
    use_fake_worker,
    use_own_worker,
)  # fmt: skip

from bits import assert_same_bits

FRAMES = moving_frames()
SLACK = 10.0
"""Seconds beyond what is promised, for a machine that does other things too."""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rt-") as name:
        yield Path(name) / "run"
        started = Path(name) / "run" / "was-started"
        for pid in map(int, started.read_text().split() if started.exists() else []):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def held() -> tuple[dict[str, int], int]:
    """Descriptors of this process by what they are, and its threads."""
    kinds: dict[str, int] = {}
    for one in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            what = os.readlink(f"/proc/self/fd/{one}").split(":")[0].split(" ")[0]
            kinds[what] = kinds.get(what, 0) + 1
    return kinds, len(os.listdir("/proc/self/task"))


def grown(before: tuple[dict[str, int], int]) -> bool:
    """Whether there is more than before; what other tests have left may end meanwhile."""
    kinds, threads = held()
    return threads > before[1] or any(count > before[0].get(kind, 0) for kind, count in kinds.items())


@pytest.fixture
def nothing_lost() -> Iterator[None]:
    """What is open before a host was there and after it has gone is the same; mapped memory too."""
    before, shared = held(), set(os.listdir("/dev/shm"))
    yield
    until = time.monotonic() + SLACK
    while grown(before) and time.monotonic() < until:
        time.sleep(0.05)
    assert not grown(before), f"{held()}, before: {before}"
    assert "memfd:retempo" not in Path("/proc/self/maps").read_text()
    assert not {name for name in set(os.listdir("/dev/shm")) - shared if name.startswith("rtmp")}


def source() -> dict[str, FrameSequenceClip | None]:
    return {"Source": FrameSequenceClip(FRAMES)}


@pytest.mark.parametrize("misdeed", ["die", "die-after-frames", "hang", "half-message"])
@pytest.mark.usefixtures("nothing_lost")
def test_a_worker_that_is_lost_in_mid_frame_is_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, misdeed: str
) -> None:
    use_fake_worker(folder, monkeypatch, f"once:{misdeed}")
    with open_node(find_bundle(), source()) as node:
        assert_same_bits(node.render(2), FRAMES[1])  # a fake's picture is the first frame
        assert node.last_render.seconds < 5.0 + SLACK  # a worker may be silent for 5 s
        assert node.persistent_message is None
        assert len((folder / "was-started").read_text().split()) == 2


@pytest.mark.parametrize(
    ("misdeed", "says"),
    [
        ("die", "again after it was started anew"), ("garbage", "install"), ("long-payload", "install"),
        ("other-version", "version 3"), ("header-version", "version 3"), ("no-start", "No module named"),
        ("refuse", "choose another"), ("other-user", "65534"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("nothing_lost")
def test_the_user_is_told_what_to_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch, misdeed: str, says: str
) -> None:
    if misdeed == "other-user" and os.getuid() != 0:
        pytest.skip("only root can make a worker of another user; see test_bridge_start.py")
    use_fake_worker(folder, monkeypatch, misdeed)
    with open_node(find_bundle(), source()) as node:
        for _ in range(2):
            with pytest.raises(ActionFailed):
                node.render(2)
            assert says in node.persistent_message.text
            assert node.last_render.seconds < 20.0 + SLACK


@pytest.mark.usefixtures("nothing_lost")
def test_a_deadline_ends_a_render(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_worker(folder, monkeypatch, "never")
    monkeypatch.setenv("RETEMPO_RENDER_DEADLINE", "2")
    with open_node(find_bundle(), source()) as node:
        with pytest.raises(ActionFailed):
            node.render(2)
        assert "RETEMPO_RENDER_DEADLINE" in node.persistent_message.text
        assert node.last_render.seconds < 2.0 + SLACK


@pytest.mark.usefixtures("nothing_lost")
def test_hundred_instances_come_and_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_own_worker(folder, monkeypatch)
    try:
        counts = []
        with OfxHost() as host:
            plugin = host.load(find_bundle())[RETIME]
            first = None
            for _ in range(100):
                with plugin.create("general", source()) as node:
                    made = node.render(2)
                    first = made if first is None else first
                    assert_same_bits(made, first)
                counts.append(held())
        assert counts[-1] == counts[0]  # connections belong to the process
    finally:
        stop_worker(folder)


@pytest.mark.usefixtures("nothing_lost")
def test_eight_threads_render_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_own_worker(folder, monkeypatch)
    times = [1 + one / 4 for one in range(16)]
    try:
        with open_node(find_bundle(), source(), threads=8, params={"speed": 1.0}) as node:
            alone = {time: node.render(time) for time in times}
            for _ in range(3):
                for at, picture in node.render_many(times, threads=8).items():
                    assert_same_bits(picture, alone[at])
            sockets = held()[0].get("socket", 0)
        assert sockets - held()[0].get("socket", 0) <= 8
        assert len({one.tobytes() for one in alone.values() if isinstance(one, np.ndarray)}) == len(times)
    finally:
        stop_worker(folder)

"""Is the user told how a long render goes, and can it be called off? By the host's abort, and on the progress bar."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from host import FrameSequenceClip
from host.plugin import ActionFailed
from retempo_bundle import find_bundle, moving_frames, open_node, use_fake_worker

CLIP = FrameSequenceClip(moving_frames())


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="rt-") as name:
        yield Path(name) / "run"
        started = Path(name) / "run" / "was-started"
        for pid in map(int, started.read_text().split() if started.exists() else []):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)  # some of them are stopped


@pytest.mark.parametrize("withheld", [set(), {("OfxProgressSuite", 2)}])
def test_a_long_render_reports_and_can_be_called_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch, withheld: set[object]
) -> None:
    use_fake_worker(folder, monkeypatch, "slow")
    with open_node(find_bundle(), {"Source": CLIP}, suites_withheld=withheld) as node:
        talking = node.plugin.host.talking
        talking.cancel = lambda value: value >= 0.15
        with pytest.raises(ActionFailed):
            node.render(2)
        assert node.persistent_message is None  # the user has done it: no error
        first, *updates, last = talking.progress
        assert first.event == "start" and "Retempo" in first.label and last.event == "end"
        values = [one.value for one in updates]
        assert len(values) > 2 and values == sorted(values)
        assert values[-1] >= 0.15 and all(value < 0.15 for value in values[:-1])


def test_natron_does_not_call_long_renders_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_worker(folder, monkeypatch, "slow")
    with open_node(find_bundle(), {"Source": CLIP}, like="natron") as node:
        assert node.render(2, abort=2.0) is None, "for the host said so, not its progress bar"
        assert node.last_render.aborted_after >= 2.0


def test_a_short_render_shows_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_fake_worker(folder, monkeypatch)
    with open_node(find_bundle(), {"Source": CLIP}) as node:
        node.render(2)  # starts the worker, which may take its time
        node.plugin.host.talking.progress.clear()
        node.render(2)
        assert node.last_render.seconds > 1.0 or not node.plugin.host.talking.progress


def test_of_renders_at_once_one_shows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start on the same instance would be a violation in this host."""
    use_fake_worker(folder, monkeypatch, "slow")
    with open_node(find_bundle(), {"Source": CLIP}, threads=3) as node:
        node.render_many([2, 4, 6], threads=3, abort=2.5)
        events = [one.event for one in node.plugin.host.talking.progress]
        assert events.count("start") == 1 and events.count("end") == 1


def test_abort_is_heard_soon(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised within 0.1 s, measured in RESULTS.md; machines may be busy, so the middle one of several counts."""
    use_fake_worker(folder, monkeypatch, "never")
    late = []
    with open_node(find_bundle(), {"Source": CLIP}) as node:
        for _ in range(7):
            assert node.render(2, abort=0.2) is None
            late.append(node.last_render.seconds - node.last_render.aborted_after)
    assert sorted(late)[len(late) // 2] < 0.5, late


@pytest.mark.parametrize("misdeed", ["never", "slow", "never-listen", "silent-hello", "hang"])
def test_abort_is_the_last_question(folder: Path, monkeypatch: pytest.MonkeyPatch, misdeed: str) -> None:
    """Whatever the worker does: asked often, and once the host has said yes the plugin asks no more but returns."""
    use_fake_worker(folder, monkeypatch, misdeed)
    with open_node(find_bundle(), {"Source": CLIP}) as node:
        assert node.render(2, abort=0.6) is None
        log = node.last_render
        assert log.aborted_after == log.polls[-1]
        between = [after - before for before, after in zip(log.polls, log.polls[1:], strict=False)]
        assert len(between) >= 5 and sorted(between)[len(between) // 2] < 0.05
        assert (
            log.seconds - log.aborted_after < 2.0
        )  # promised: 0.1, measured in RESULTS.md; machines may be busy
        assert node.persistent_message is None

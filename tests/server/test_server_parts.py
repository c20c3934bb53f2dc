"""Do the parts keep their promises alone? The cache its limit, the scheduler its fairness, the table its source."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retempo.errors import UsageError
from retempo.flow import catalog, vectors
from retempo.render.settings import RetimeSettings
from retempo.server import parameters
from retempo.server.cache import ContentCache
from retempo.server.engine import memory_of
from retempo.server.request_settings import allowed, read_settings
from retempo.server.scheduler import Owner, Scheduler

OPERATIONS = st.lists(
    st.tuples(st.integers(0, 9), st.dictionaries(st.integers(0, 5), st.just(7), min_size=1, max_size=4)),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(operations=OPERATIONS, limit=st.integers(0, 40))
def test_cache_counts_shared_parts_once_and_keeps_its_limit(
    operations: list[tuple[int, dict[int, int]]], limit: int
) -> None:
    cache = ContentCache(limit)
    kept: dict[int, dict[int, int]] = {}
    for key, parts in operations:
        cache.put(key, parts, parts)
        kept.setdefault(key, parts)
        alive = [cache.get(one) for one in range(10)]
        held = {part for one in alive if one is not None for part in one}
        assert cache.used == 7 * len(held) <= limit
    assert cache.clear() == cache.used + 7 * len(held) if operations else True
    assert cache.used == 0 and len(cache) == 0


def test_view_counts_as_the_memory_that_it_holds() -> None:
    both, frame = np.zeros((2, 4, 5, 2), np.float32), np.zeros((3, 3), np.float32)
    assert memory_of([both[0], both[1], frame, frame[:1]]) == {id(both): both.nbytes, id(frame): frame.nbytes}
    assert memory_of([np.zeros((0, 4), np.float32)]) == {}


def test_cache_forgets_the_least_recently_used() -> None:
    cache = ContentCache(3)
    for key in "abc":
        assert cache.put(key, key.upper(), {key: 1}) == key.upper()
    assert cache.get("a") == "A"
    cache.put("d", "D", {"d": 1})
    assert [cache.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    assert cache.put("a", "other", {"a": 1}) == "A", "the value that is there is the one to use"
    assert cache.put("e", "E", {"e": 4}) == "E" and cache.get("e") is None and cache.used == 3


def test_scheduler_takes_turns_and_keeps_workers_free() -> None:
    """Three workers: a connection gets one, its program two; the third is for other programs."""
    scheduler = Scheduler(3)
    order: list[str] = []
    free, entered = threading.Event(), threading.Semaphore(0)
    greedy, sibling, other = Owner("host", 1), Owner("host", 2), Owner("other host", 3)

    def slow() -> None:
        entered.release()
        free.wait(10)

    def note(text: str) -> Callable[[], None]:
        return lambda: order.append(text)

    def run(owner: Owner) -> None:
        done = threading.Event()
        scheduler.submit(owner, done.set)
        assert done.wait(10), owner

    scheduler.submit(greedy, slow)
    assert entered.acquire(timeout=10)
    for index in range(3):
        scheduler.submit(greedy, note(f"greedy {index}"))
    run(sibling)
    run(other)
    scheduler.submit(sibling, slow)
    assert entered.acquire(timeout=10)
    waiting = [threading.Event(), threading.Event()]
    scheduler.submit(sibling, waiting[0].set)
    scheduler.submit(Owner("host", 4), waiting[1].set)
    run(other)
    assert order == [] and scheduler.busy >= 2 and not any(one.is_set() for one in waiting)
    free.set()
    last = threading.Event()
    scheduler.submit(greedy, lambda: 1 / 0)  # is logged, harms nobody
    scheduler.submit(greedy, last.set)
    assert all(one.wait(10) for one in (last, *waiting))
    assert scheduler.stop(5)
    assert order == ["greedy 0", "greedy 1", "greedy 2"]


def test_settings_from_texts() -> None:
    made = read_settings(
        {"temperature": "2.5", "deterministic": "true", "source_frames": "4", "flow": "dis:fast"}
    )
    assert (made.temperature, made.deterministic, made.source_frames, made.flow) == (2.5, True, 4, "dis:fast")
    assert made.config == "ocio://default"
    paths = {
        "vectors",
        "index_map",
        "object_curve",
        "speed_curve",
        "frame_curve",
        "otio",
        "output_range",
        "memory",
        "threads",
        "codec",
    }
    assert not paths & set(allowed())
    for name in {one.name for one in fields(RetimeSettings)} - set(allowed()):
        with pytest.raises(UsageError, match="cannot be chosen"):
            read_settings({name: "1"})
    for texts in (
        {"flow": "neural,file=/etc/passwd"},
        {"flow": "dis,grow=guided,grower=/etc/passwd"},
        {"engine": "dbvi:8x,flow=neural;file=/etc/passwd"},
        {"engine": "filn"},
        {"cuts": "/etc/reel.edl"},
        {"cuts": "reel.otio"},
        {"cuts": "auto"},
        {"config": "/etc/passwd"},
        {"flow": "dis\n"},
        {"flow": "d" * 5000},
        {"sigma": "nan"},
        {"sigma": "inf"},
        {"source_frames": "2.0"},
    ):
        with pytest.raises(UsageError):
            read_settings(texts)


def test_parameters_follow_the_settings() -> None:
    table = parameters.table()
    assert len({one.name for one in table}) == len(table)
    declared = {one.name: one for one in fields(RetimeSettings)}
    for one in table:
        assert one.hint.endswith(".") and one.label and one.group in parameters.GROUPS
        assert one.low <= one.display[0] < one.display[1] <= one.high or one.type in (
            "choice",
            "string",
            "boolean",
        )
        if one.setting:
            assert one.setting in allowed(), "the server would refuse it"
            assert one.default == declared[one.setting].default
            said = {} if not one.always else {one.setting: str(one.default)}
            assert getattr(read_settings(said), one.setting) == one.default or one.setting == "config"
            for value, _ in one.choices:
                read_settings({one.setting: value})
        if one.choices:
            assert one.default in [value for value, _ in one.choices]
    assert {value for value, _ in parameters.PRESETS} == set(vectors.PRESETS)
    for value, _ in parameters.FLOWS:
        catalog.parse_flow(value)
    assert {one.setting for one in table} >= {
        "engine",
        "flow",
        "temperature",
        "depth",
        "config",
        "input_space",
    }


def test_table_compiles_as_cpp(tmp_path: Path) -> None:
    """The header stands alone, is constexpr, and holds what Python holds."""
    header, program = tmp_path / "table.h", tmp_path / "table.cpp"
    assert parameters.main(["--cpp", str(header)]) == 0
    program.write_text(
        '#include "table.h"\n#include <cstdio>\nstatic_assert(sizeof(retempo::kParameterTableHash) == 16, "");\n'
        "int main() {\n  for (const auto& one : retempo::kParameters)\n"
        '    std::printf("%s|%s|%s|%s|%.17g|%s|%.17g|%.17g|%d|%s|%u|%d|%s\\n",\n'
        "                one.name, one.label, one.hint, one.group, one.number, one.text, one.low, one.high,\n"
        "                one.choiceCount, one.setting, one.effects, one.animates + 2 * one.always,\n"
        '                one.choiceCount ? one.choices[one.choiceCount - 1].value : "");\n}\n'
    )
    built = tmp_path / "table"
    try:
        subprocess.run(
            ["c++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", str(program), "-o", str(built)],
            check=True,
        )
    except FileNotFoundError:
        pytest.skip("no C++ compiler")
    rows = subprocess.run([str(built)], check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(rows) == len(parameters.table())
    for row, one in zip(rows, parameters.table(), strict=True):
        name, label, hint, group, number, text, low, high, count, setting, effects, animates, last = (
            row.split("|")
        )
        assert (name, label, hint, group, setting) == (one.name, one.label, one.hint, one.group, one.setting)
        assert (float(low), float(high), int(effects)) == (one.low, one.high, one.effects)
        assert (int(count), int(animates)) == (len(one.choices), one.animates + 2 * one.always)
        if one.choices:
            assert one.choices[int(float(number))][0] == one.default == text and last == one.choices[-1][0]
        elif one.type == "string":
            assert text == one.default
        else:
            assert float(number) == float(one.default)
    before = header.stat().st_mtime_ns
    parameters.main(["--cpp", str(header)])
    assert header.stat().st_mtime_ns == before, "an untouched table must not rebuild the plugin"

"""Do chunks make every output once, never too many, and no pair of source frames twice?"""

from __future__ import annotations

import itertools
from collections import defaultdict
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo.farm.chunks import default_size, make_chunks
from retempo.retime.gaps import list_gaps, take_part
from retempo.retime.plan import Plan, build_plan
from retempo.retime.shutter import Shutter
from retempo.retime.time_map import ConstantSpeed

SPEEDS = st.fractions(Fraction(-3), Fraction(3), max_denominator=24).filter(bool)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Speeds, directions, ranges beyond the source, steps, and blur."""
    span = (1001, 1001 + draw(st.integers(0, 12)))
    first = draw(st.integers(980, 1020))
    outputs = range(first, first + draw(st.integers(1, 90)), draw(st.integers(1, 3)))
    shutter = Shutter.of(draw(st.sampled_from([1, 1, 3])), 180.0, "centred", 0.0)
    return build_plan(
        ConstantSpeed.over(str(draw(SPEEDS)), span, 1001),
        list(outputs),
        range(span[0], span[1] + 1),
        outside=draw(st.sampled_from(["hold", "loop", "bounce", "black"])),
        shutter=shutter,
    )


def pairs_of(plan: Plan) -> dict[int, tuple[int | None, int | None]]:
    """The first gap that each output lies in."""
    found = {}
    for entry in plan.entries:
        inside = next((one for one in entry.moments if one.kind in ("between", "fade")), None)
        if inside is not None:
            found[entry.output] = (inside.first, inside.second)
    return found


@given(plans(), st.integers(1, 40))
def test_every_output_once_in_order_and_never_too_many(plan: Plan, size: int) -> None:
    chunks = make_chunks(plan.entries, size)
    outputs = [entry.output for entry in plan.entries]
    assert sorted(output for chunk in chunks for output in chunk) == outputs
    assert all(1 <= len(chunk) <= size and list(chunk) == sorted(chunk) for chunk in chunks)
    assert [chunk[0] for chunk in chunks] == sorted(chunk[0] for chunk in chunks)


@given(plans(), st.integers(1, 40))
def test_no_gap_is_in_two_chunks_unless_it_fills_more_than_one(plan: Plan, size: int) -> None:
    pairs = pairs_of(plan)
    chunks = make_chunks(plan.entries, size)
    where: dict[object, set[int]] = defaultdict(set)
    for index, chunk in enumerate(chunks):
        for output in chunk:
            if output in pairs:
                where[pairs[output]].add(index)
    lengths = {pair: list(pairs.values()).count(pair) for pair in where}
    assert all(len(found) == 1 for pair, found in where.items() if lengths[pair] <= size)
    assert all(len(found) <= -(-lengths[pair] // size) for pair, found in where.items())


@given(plans(), st.integers(1, 40))
def test_few_chunks(plan: Plan, size: int) -> None:
    """Two neighbours could not have been one."""
    gaps = list_gaps(plan.entries, size)
    chunks = make_chunks(plan.entries, size)
    starts = {gap[0]: len(gap) for gap in gaps}
    for one, other in itertools.pairwise(chunks):
        assert len(one) + starts[other[0]] > size


@given(plans(), st.integers(1, 40), st.integers(1, 50), st.integers(0, 30))
def test_parts_of_any_shape_make_every_output_once(plan: Plan, limit: int, size: int, shift: int) -> None:
    """A scheduler's chunks have nothing to do with gaps; the tasks agree all the same."""
    first, last = plan.entries[0].output, plan.entries[-1].output
    edges = range(first - shift, last + 1, size)
    parts = [take_part(plan, range(edge, edge + size), limit) for edge in edges]
    made = [entry for part in parts for entry in part.entries]
    assert sorted(made, key=lambda entry: entry.output) == list(plan.entries)
    gaps = {gap: set() for gap in list_gaps(plan.entries, limit)}
    for index, part in enumerate(parts):
        for entry in part.entries:
            next(seen for gap, seen in gaps.items() if entry.output in gap).add(index)
    assert all(len(seen) == 1 for seen in gaps.values())


@given(plans(), st.integers(1, 40))
def test_a_chunk_is_the_part_of_its_interval(plan: Plan, size: int) -> None:
    """``Job.part``: what the schedulers that we drive hand out is one interval, also where a chunk is none."""
    chunks = make_chunks(plan.entries, size)
    ends = [chunk[0] for chunk in chunks[1:]] + [plan.entries[-1].output + 1]
    for chunk, end in zip(chunks, ends, strict=True):
        for part in (range(chunk[0], end), set(chunk)):
            assert tuple(entry.output for entry in take_part(plan, part, size).entries) == chunk


@pytest.mark.parametrize(("outputs", "size"), [(1, 8), (256, 8), (1000, 32), (3200, 100), (100000, 100)])
def test_the_default_size_is_a_share_of_the_job(outputs: int, size: int) -> None:
    assert default_size(outputs) == size

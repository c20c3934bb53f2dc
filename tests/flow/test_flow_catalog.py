"""Does a --flow string become the estimators that it names?"""

from __future__ import annotations

import pytest

from retempo.errors import UsageError, WeightsError
from retempo.flow.base import wants_onward
from retempo.flow.catalog import VectorsMarker, names, parse_flow
from retempo.flow.dis import DisFlow


def test_hypotheses_in_order() -> None:
    first, fine, coarse, vectors = parse_flow("dis+dis:fine+dis:coarse+vectors:cycles")
    assert isinstance(first, DisFlow) and first.name == "dis:balanced" and first.settings.iterations == 12
    assert isinstance(fine, DisFlow) and fine.name == "dis:fine" and fine.settings.finest_scale == 0
    assert isinstance(coarse, DisFlow) and coarse.settings.patch_size == 16
    assert vectors == VectorsMarker("cycles") and vectors.name == "vectors:cycles"


def test_settings_and_context() -> None:
    (one,) = parse_flow("dis:medium,scale=0.5,stride=2", working_size=900, threads=1)
    assert isinstance(one, DisFlow)
    assert (one.working_scale, one.working_size, one.threads) == (0.5, None, 1)
    assert one.settings.patch_stride == 2 and one.name == "dis:medium,patch_stride=2,scale=0.5"
    (two,) = parse_flow("dis", working_size=900, working_scale=None)
    assert isinstance(two, DisFlow) and two.working_size == 900


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty part"),
        ("dis+", "empty part"),
        ("guess", "'guess'.*dis, .*dis:fine, .*dis:coarse.*vectors:nuke"),
        ("dis:best", "'best'.*ultrafast"),
        ("vectors:blender", "'blender'.*cycles"),
        ("dis,stride", "key=value"),
        ("dis,stride=x", "not a number"),
        ("dis,colour=1", "'colour'"),
        ("dis+dis:balanced", "twice"),
    ],
)
def test_mistakes_are_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_flow(text)


def test_every_listed_name_parses() -> None:
    assert {"dis", "dis:coarse", "raft", "raft:small", "neuflow", "vectors", "vectors:nuke"} <= set(names())
    for name in names():
        if not name.startswith(("raft", "neuflow")):
            assert len(parse_flow(name)) == 1


def test_trained_flow_wants_weights() -> None:
    with pytest.raises(WeightsError, match="raft-small"):
        parse_flow("dis+raft:small")


def test_continued_motion_is_asked_for_once() -> None:
    plain, onward = parse_flow("dis:fine+dis:fine,continued=1", working_scale=0.5)
    assert not wants_onward(plain) and wants_onward(onward)
    assert onward.name == "dis:fine,scale=0.5,continued=1" and onward.plain.name == plain.name
    with pytest.raises(UsageError, match="twice"):
        parse_flow("dis:fine+dis:fine,continued=0")
    with pytest.raises(UsageError, match="grow=guided has not"):
        parse_flow("dis,continued=1,grow=guided")

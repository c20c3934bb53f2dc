"""Is the page of a review only ever text, and are the worst frames the worst?"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

import numpy as np
import pytest

from retempo.errors import UsageError
from retempo.report.review import Gap, OutputFrame, Review, misplacement, worst_frames
from retempo.report.review_page import SCRIPTS, build_page
from retempo.report.trust_map import DOUBT, paint_trust

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028<!--<script>'\"&\x00"


def frame(output: int, **values: Any) -> OutputFrame:
    given = {
        "kind": "between",
        "cells": (str(output), "1", "1 and 2", "0.5", ""),
        "at": 1.5,
        "nearest": 1,
        "before": None,
        "after": None,
        "difference": None,
        "state": "made",
    }
    return OutputFrame(output, **{**given, **values})


def review(**values: Any) -> Review:
    given: dict[str, Any] = {
        "title": "shot", "source": "a", "result": "b", "timing": "half", "fps": 24.0, "width": 64, "height": 36,
        "frames": [frame(1)], "gaps": [], "source_range": (1, 2),
    }  # fmt: skip
    return Review(**{**given, **values})


def data_of(page: str) -> dict[str, Any]:
    """The data as a browser finds it: what stands up to the first end of a script element."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script', page, re.S)
    assert found
    parsed: dict[str, Any] = json.loads(found[1])
    return parsed


def test_names_and_metadata_are_text_never_markup() -> None:
    plain = build_page(review())
    page = build_page(
        review(
            title=HOSTILE,
            source=HOSTILE,
            frames=[frame(1, fault=HOSTILE, cells=(HOSTILE,) * 5)],
            notes=[HOSTILE],
            settings=[("--flow", HOSTILE, False)],
            facts={HOSTILE: [(HOSTILE, HOSTILE)]},
        )
    )
    for tag in ("<script", "</script", "<img", "<!--", "<style", "<meta", "<title"):
        assert page.count(tag) == plain.count(tag), tag
    told = data_of(page)
    assert told["source"] == told["notes"][0] == told["frames"][0]["fault"] == HOSTILE
    assert told["settings"] == [["--flow", HOSTILE, False]]


def test_bytes_that_are_no_text_do_not_stop_the_page() -> None:
    name = b"sh\xffot".decode("utf-8", "surrogateescape")  # as Python names such a file
    page = build_page(review(title=name, result=name))
    assert data_of(page)["result"] == name
    page.encode("utf-8", "replace")


def test_the_policy_lets_nothing_in_but_this_script_and_this_style() -> None:
    page = build_page(review())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "'self' file:"
    assert "unsafe" not in policy[1]
    assert "http:" not in policy[1] + page.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in page
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        text = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        assert len(text) == 1
        digest = base64.b64encode(hashlib.sha256(text[0].encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_the_script_never_makes_markup_of_text() -> None:
    page = build_page(review())
    script = re.findall(r"<script>(.*?)</script>", page, re.S)[0]
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "fetch(",
        "XMLHttp",
    ):
        assert word not in script, word
    assert len(SCRIPTS) == len(set(SCRIPTS))


def gap(first: int, forward: float) -> Gap:
    return Gap(first, first + 1, "f", "a", "t", 1.0, 1.0, forward, forward, forward, 0.0)


def test_the_worst_are_the_worst_each_gap_once() -> None:
    rng = np.random.default_rng(4)
    errors = rng.uniform(0.1, 9.0, (20, 3))
    frames = [
        frame(index * 3 + at, gap=index, error=float(errors[index, at]))
        for index in range(20)
        for at in range(3)
    ]
    frames += [frame(100, gap=None, error=None), frame(101, kind="copy", gap=3, error=0.0)]
    found = worst_frames(frames)
    assert len(found) == 10
    expected = sorted(errors.max(axis=1), reverse=True)[:10]
    assert [frames[one].error for one in found] == pytest.approx(expected)
    assert len({frames[one].gap for one in found}) == 10


def test_frames_without_motion_are_never_the_worst() -> None:
    assert worst_frames([frame(1), frame(2, error=0.0, gap=0)]) == ()
    assert review(gaps=[gap(1, 0.0)]).as_dict()["worst"] == []


def test_misplacement_is_nothing_at_source_frames_and_most_in_the_middle() -> None:
    assert misplacement(0.0, 2.0, 4.0) == misplacement(1.0, 2.0, 4.0) == 0.0
    assert misplacement(0.5, 2.0, 4.0) == 1.5
    assert misplacement(0.25, 2.0, 4.0) == misplacement(0.75, 2.0, 4.0) < 1.5


def test_doubt_is_orange_and_trust_grey() -> None:
    image = np.full((2, 3, 3), 200, np.uint8)
    trust = np.array([[1.0, 0.0, np.nan], [1.0, 0.5, 1.0]], np.float32)
    painted = paint_trust(image, trust).astype(int)
    assert np.ptp(painted[0, 0]) <= 1
    assert np.array_equal(painted[0, 1], painted[0, 2])
    assert painted[0, 1, 0] > 0.7 * DOUBT[0] and painted[0, 1, 2] == 0
    between = painted[1, 1]
    assert painted[0, 1, 0] > between[0] > painted[1, 0, 0]
    with pytest.raises(UsageError, match="one size"):
        paint_trust(image, trust[:1])

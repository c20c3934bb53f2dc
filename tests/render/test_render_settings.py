"""Do the settings refuse nonsense, and do flags and hash follow from the one table?"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

import cv2
import pytest

from plates import make_shot
from retempo.errors import UsageError
from retempo.flow.dis import DisFlow
from retempo.io.sequence import open_source
from retempo.render.flags import add_setting_arguments, settings_from
from retempo.render.job import open_renderer
from retempo.render.settings import RetimeSettings, parse_memory


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    add_setting_arguments(made)
    return made


def test_every_setting_has_a_flag_and_a_help_text() -> None:
    flags = {action.dest: action for action in parser()._actions}
    for one in fields(RetimeSettings):
        assert flags[one.name].help, one.name


def test_flags_give_the_same_settings_as_keywords() -> None:
    args = parser().parse_args(
        "--speed 1/4 --sigma 0.75 --coverage-gate on --outside loop --output-start 1001".split()
    )
    assert settings_from(vars(args)) == RetimeSettings(
        speed="1/4", sigma=0.75, coverage_gate="on", outside="loop", output_start=1001
    )


def test_defaults_survive_an_empty_command_line() -> None:
    assert settings_from(vars(parser().parse_args([]))) == RetimeSettings()


@pytest.mark.parametrize(
    ("values", "flag"),
    [
        ({"sigma": 0.0}, "--sigma"),
        ({"sigma": float("nan")}, "--sigma"),
        ({"flow_scale": 1.5}, "--flow-scale"),
        ({"outside": "sideways"}, "--outside"),
        ({"threads": -1}, "--threads"),
        ({"coefficients": "1,2,3"}, "--coefficients"),
        ({"coefficients": "1,2,3,4,5,-6"}, "--coefficients"),
        ({"memory": "lots"}, "--memory"),
        ({"memory": "0"}, "--memory"),
        ({"source_frames": 1}, "--source-frames"),
        ({"source_frames": 3}, "--source-frames"),
    ],
)
def test_nonsense_is_refused_by_name(values: dict[str, object], flag: str) -> None:
    with pytest.raises(UsageError, match=flag):
        RetimeSettings(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", None),
        ("1024", 1024),
        ("1K", 1024),
        ("512M", 512 << 20),
        ("2G", 2 << 30),
        ("1.5GiB", 3 << 29),
        ("2gb", 2 << 30),
    ],
)
def test_memory_sizes(text: str, size: int | None) -> None:
    assert parse_memory(text) == size


def test_the_fingerprint_follows_pixels_only() -> None:
    plain = RetimeSettings().fingerprint()
    assert RetimeSettings(threads=5, memory="1G", device="cuda", speed="1/8").fingerprint() == plain
    changed = {
        RetimeSettings(sigma=0.6).fingerprint(),
        RetimeSettings(flow="dis:fast").fingerprint(),
        RetimeSettings(output_space="ACEScct").fingerprint(),
        RetimeSettings(data_type="half").fingerprint(),
    }
    assert plain not in changed and len(changed) == 4


def test_threads_are_those_of_the_flow_too(tmp_path: Path) -> None:
    """The two directions of a search, and OpenCV, whose pool belongs to the process."""
    before = cv2.getNumThreads()
    try:
        renderer = open_renderer(RetimeSettings(threads=1), open_source(make_shot(tmp_path, (1, 2))))
        (estimator,) = renderer.estimators
        assert isinstance(estimator, DisFlow) and estimator.threads == 1 and cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)

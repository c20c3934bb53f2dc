"""Do strips give the bits of whole frames, and does the budget decide as it says?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bits import assert_same_bits
from retempo.cli import main
from retempo.errors import UsageError
from retempo.io.frame import Frame
from retempo.io.sequence import open_source
from retempo.io.target import open_target
from retempo.render.job import open_renderer
from retempo.render.settings import RetimeSettings
from retempo.render.shot import render_shot
from retempo.render.steps import list_steps
from retempo.render.strip_plan import StripPlan, plan_strips, whole_bytes
from retempo.render.strips import render_in_strips
from retempo.render.timing import schedule


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strips")
    assert main(["sample", str(folder), "--frames", "1-3", "--size", "200x150", "--quiet", "--json"]) == 0
    return folder


def both_ways(pattern: str, folder: Path, rows: int, **values: object) -> tuple[list[Frame], list[Frame]]:
    settings = RetimeSettings(**values)  # type: ignore[arg-type]
    source = open_source(pattern)
    wanted = schedule(settings, source.frames, source.fps)
    renderer = open_renderer(settings, source)
    made = []
    for name in ("whole", "strips"):
        target = open_target(folder / f"{name}.####.exr", overwrite=True, source=source)
        if name == "whole":
            render_shot(source, target, wanted, renderer)
        else:
            steps = list_steps(source, target, wanted, settings, None)
            assert len(
                list(render_in_strips(renderer, source, target, None, StripPlan(rows, 1.0), steps))
            ) == len(steps)
        result = open_source(folder / f"{name}.####.exr")
        made.append([result.read(number) for number in result.frames])
    return made[0], made[1]


def assert_same(whole: list[Frame], strips: list[Frame]) -> None:
    assert len(whole) == len(strips) > 1
    for one, other in zip(whole, strips, strict=True):
        for a, b in zip(one.layers, other.layers, strict=True):
            assert a.window == b.window and a.channels == b.channels
            assert_same_bits(a.pixels, b.pixels)
            assert_same_bits(a.ids, b.ids)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"speed": "1/3", "filter": "lanczos4"},
        {"speed": "1/3", "filter": "bicubic"},
        {"flow": "vectors+dis:fast"},
        {"flow": "vectors", "depth": "add"},
        {"flow": "vectors:revision", "depth": "only", "depth_channel": "G"},
        {"source_frames": 4, "flow_scale": 0.5},
        {"motion": "quadratic", "inverses": "on"},
        {"flow": "dis:fast+dis:fast,continued=1"},
    ],
    ids=[
        "default", "lanczos4", "bicubic", "vectors", "depth", "odd channels", "four frames", "quadratic", "continued",
    ],
)  # fmt: skip
def test_strips_have_the_bits_of_whole_frames(plate: Path, tmp_path: Path, values: dict[str, object]) -> None:
    assert_same(*both_ways(str(plate / "plate.####.exr"), tmp_path, 37, **values))


def test_parts_with_windows_of_their_own(data_dir: Path, tmp_path: Path) -> None:
    pattern = str(data_dir / "exr" / "beachball" / "multipart.####.exr")
    settings = {"output_range": "", "duration": 0, "flow": "dis:ultrafast", "flow_scale": 0.25}
    source = open_source(pattern, "1-2")
    wanted = schedule(RetimeSettings(**settings), source.frames, source.fps)  # type: ignore[arg-type]
    renderer = open_renderer(RetimeSettings(**settings), source)  # type: ignore[arg-type]
    frames = []
    for name, rows in (("whole", 0), ("strips", 301)):
        target = open_target(tmp_path / f"{name}.####.exr", source=source)
        if rows:
            steps = list_steps(source, target, wanted, renderer.settings, None)
            list(render_in_strips(renderer, source, target, None, StripPlan(rows, 0.25), steps))
        else:
            render_shot(source, target, wanted, renderer)
        frames.append([open_source(tmp_path / f"{name}.####.exr").read(number) for number in (1, 2, 3)])
    assert_same(*frames)


def test_the_budget_decides(plate: Path) -> None:
    header = open_source(str(plate / "plate.####.exr")).header(1)
    whole = whole_bytes(header, 2, 1, 1.0)
    assert plan_strips(header, whole, 2, 1, 1.0) is None
    cut = plan_strips(header, whole // 3, 2, 1, 1.0)
    assert cut is not None and 16 <= cut.rows < 150 and cut.flow_scale <= 1.0
    with pytest.raises(UsageError, match="--memory at least"):
        plan_strips(header, 1 << 19, 2, 1, 1.0)


def test_the_flag_reaches_the_renderer(
    plate: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.####.exr"
    assert main(["retime", str(plate / "plate.####.exr"), "-o", str(out), "--memory", "8M", "--json"]) == 0
    import json

    report = json.loads(capsys.readouterr().out)
    assert report["strips"] > 0 and report["flow_scale"] <= 1.0
    made = open_source(str(out)).read(2).layers[0].pixels
    assert np.isfinite(made[..., :4]).all()

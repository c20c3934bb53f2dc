"""Are engines compared by one command: scored where their weights are, their arithmetic counted as their layers say?"""

from __future__ import annotations

from pathlib import Path

import pytest

from plates import Program, picture, write_image
from retempo.errors import UsageError
from retempo.evaluate.cost import measure_cost
from retempo.evaluate.engines import list_engines
from retempo.io.frame import make_layer
from retempo.models.registry import ENGINES

torch = pytest.importorskip("torch", reason="engines have networks")


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path / "weights"))


def test_one_command_makes_the_table(retempo: Program, tmp_path: Path) -> None:
    for number in range(1, 6):
        write_image(
            tmp_path / "clip" / f"f.{number:04d}.png", make_layer(picture(number), "RGB", formats="uint8")
        )
    command = ("evaluate", tmp_path / "clip", "--engines", "splatsyn,ifrnet:small", "--cost-size", "64x64")
    flags = ("--motion", "linear", "--no-flicker", "--no-lpips")
    ours, theirs = retempo.done(*command, *flags)["engines"]
    assert (ours["name"], ours["parameters"], ours["weights"]) == ("splatsyn", 0, True)
    plain = retempo.done("evaluate", tmp_path / "clip", *flags)["mean"]
    assert ours["frames"] == 2 and (ours["psnr"], ours["ssim"]) == (plain["psnr"], plain["ssim"])
    assert (theirs["name"], theirs["parameters"], theirs["weights"]) == ("ifrnet:small", 2_803_610, False)
    assert theirs["psnr"] is None and theirs["frames"] == 0
    assert ours["teraflops"] == 0 < theirs["teraflops"]
    for line in (ours, theirs):
        assert line["seconds"] > 0 and line["eight_to_two"] > 0
    shown = retempo(*command, *flags)
    assert (
        shown.code == 0
        and "8x : 2x" in shown.out
        and "no weights here, so no score: ifrnet:small" in shown.out
    )


def test_arithmetic_grows_with_the_picture() -> None:
    """A convolution's work is in proportion to its pixels: four times as many, four times as much."""
    small, large = (
        measure_cost("ifrnet:small", width, height).teraflops for width, height in ((64, 64), (128, 128))
    )
    assert large == pytest.approx(4 * small, rel=1e-6)


def test_names() -> None:
    assert list_engines("all") == list(ENGINES)
    assert list_engines("film, ifrnet:large") == ["film", "ifrnet:large"]
    assert list_engines("ifrnet:base,scale=0.5 film") == ["ifrnet:base,scale=0.5", "film"]
    for text in ("", "filn", "ifrnet:huge"):
        with pytest.raises(UsageError):
            list_engines(text)


def test_sizes_that_are_none(retempo: Program, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_image(
            tmp_path / "clip" / f"f.{number:04d}.png", make_layer(picture(number), "RGB", formats="uint8")
        )
    for size in ("12", "axb", "63x64"):
        failed = retempo("evaluate", tmp_path / "clip", "--engines", "splatsyn", "--cost-size", size)
        assert failed.code == 2 and "--cost-size" in failed.err

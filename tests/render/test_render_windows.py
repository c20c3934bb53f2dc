"""With a renderer's own vectors, does a tight data window change the picture? It must not: beyond it is nothing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from plates import LINEAR, Program, write_image
from retempo.flow.vectors import find_preset
from retempo.io.frame import Frame, Layer, Window, make_layer
from retempo.io.sequence import open_source
from retempo.metrics.quality import psnr
from retempo.render.canvas import empty_of, place
from retempo.render.frame import FrameRenderer
from retempo.render.job import open_renderer
from retempo.render.settings import RetimeSettings
from retempo.scene.sample_scene import SampleScene, tone_map

SIZE = (320, 180)
DISC = 1011984943
"""The id of a layer of the sample scene that nothing hides and that moves 9 pixels a frame, its radius 18."""
VECTORS = (*find_preset("nuke").forward, *find_preset("nuke").backward)


@pytest.fixture(scope="module")
def scene() -> SampleScene:
    return SampleScene(*SIZE, 1)


def element(scene: SampleScene, time: float) -> dict[str, np.ndarray]:
    """The disc alone, over nothing: colour, alpha and vectors 0 around it, as a renderer leaves them; depth too."""
    seen = scene.render(time)
    inside = (seen["id"] == DISC)[..., None]
    up = np.array([1, -1], np.float32)  # the preset nuke
    made = {"RGBA": seen["rgba"], "Z": seen["depth"][..., None]}
    made |= {"forward": seen["forward"] * up, "backward": seen["backward"] * up}
    return {name: np.where(inside, values, np.float32(0)) for name, values in made.items()}


def write(path: Path, held: dict[str, np.ndarray], tight: bool, ways: str) -> Window:
    """One frame; ``tight``: over the smallest window that holds what is not transparent."""
    window = Window(0, 0, *SIZE)
    if tight:
        y, x = np.nonzero(held["RGBA"][..., 3])
        window = Window(int(x.min()), int(y.min()), int(np.ptp(x)) + 1, int(np.ptp(y)) + 1)
    parts = [held["RGBA"], held["Z"], held["forward"], held["backward"]]
    names = ("R", "G", "B", "A", "Z", *VECTORS)
    if ways == "forward":
        parts, names = parts[:-1], names[:-2]
    pixels = np.concatenate(parts, 2)[window.y : window.y1, window.x : window.x1]
    display = Window(0, 0, *SIZE)
    layer = make_layer(np.ascontiguousarray(pixels), names, window=window, display=display, formats="float")
    write_image(path, layer)
    return window


def made(retempo: Program, folder: Path, *flags: object) -> Layer:
    source, target = folder / "in.####.exr", folder / "out.####.exr"
    retempo.done("retime", source, "-o", target, "--speed", "1/2", "--flow", "vectors", *LINEAR, *flags)
    return open_source(target).read(5).layers[0]


@pytest.mark.parametrize("flags", [(), ("--depth", "add"), ("--memory", "8M")], ids=["", "depth", "strips"])
@pytest.mark.parametrize("ways", ["both", "forward"])
def test_a_tight_data_window_changes_nothing(
    retempo: Program, tmp_path: Path, scene: SampleScene, ways: str, flags: tuple[str, ...]
) -> None:
    windows = {}
    for number in (4, 5):
        held = element(scene, number)
        write(tmp_path / "whole" / f"in.{number:04d}.exr", held, False, ways)
        windows[number] = write(tmp_path / "tight" / f"in.{number:04d}.exr", held, True, ways)
    assert windows[4] != windows[5] and windows[4].width < 40
    tight, whole = (made(retempo, tmp_path / name, *flags) for name in ("tight", "whole"))
    assert tight.window == windows[4].union(windows[5])
    everything = Window(0, 0, *SIZE)
    colour = [tight.channels.index(name) for name in "RGBA"]
    shown = place(tight, colour, everything)
    np.testing.assert_allclose(shown, whole.pixels[..., colour], rtol=0, atol=1e-6)
    truth = element(scene, 4.5)["RGBA"]
    around = (slice(tight.window.y, tight.window.y1), slice(tight.window.x, tight.window.x1))
    assert psnr(tone_map(shown[around]), tone_map(truth[around])) > 28.5


def test_a_separate_sequence_of_vectors_with_tight_windows(
    retempo: Program, tmp_path: Path, scene: SampleScene
) -> None:
    """Frames that show something everywhere: beyond the window of the vectors their motion is unknown, not none."""
    for number in (4, 5):
        held = element(scene, number)
        write(tmp_path / "vec" / f"v.{number:04d}.exr", held, True, "both")
        lit = make_layer(scene.render(number)["rgba"], "RGBA", formats="float")
        write_image(tmp_path / f"in.{number:04d}.exr", lit)
    settings = RetimeSettings(flow="vectors", vectors=str(tmp_path / "vec" / "v.####.exr"))
    source, given = open_source(tmp_path / "in.####.exr"), open_source(tmp_path / "vec" / "v.####.exr")
    renderer: FrameRenderer = open_renderer(settings, source)
    prepared = renderer.prepare({n: source.read(n) for n in (4, 5)}, {n: given.read(n) for n in (4, 5)})
    motion = prepared.views[0].motion
    assert motion is not None
    first = motion.candidates[0]
    beyond = np.ones(SIZE[::-1], bool)
    window = given.header(4).layers[0].window
    beyond[window.y : window.y1, window.x : window.x1] = False
    shown = np.asarray(source.read(4).layers[0].pixels).any(axis=-1)
    assert (first.merge[beyond & shown] == 0).all()
    assert (first.merge[beyond & ~shown] > 0).all() and (beyond & ~shown).any()
    made = renderer.render(prepared, Fraction(9, 2)).layers[0].pixels
    assert np.isfinite(made).all()


def test_where_a_frame_shows_nothing() -> None:
    """Beyond the data window within the display, and where colour and alpha are 0; not beyond the display."""
    pixels = np.zeros((3, 4, 4), np.float32)
    pixels[1, 1] = [0, 0, 0, 0.5]
    pixels[1, 2] = [0.25, 0, 0, 0]
    pixels[2, 3, 0] = np.nan
    display = Window(0, 0, 6, 5)
    layer = make_layer(pixels, "RGBA", window=Window(1, 1, 4, 3), display=display, formats="float")
    frame = Frame([layer], display, Path("made"), "openexr")
    window = Window(-1, 0, 8, 6)
    expected = np.zeros((6, 8), bool)
    expected[0:5, 1:7] = True
    expected[2, 3] = expected[2, 4] = expected[3, 5] = False
    np.testing.assert_array_equal(empty_of(frame, (0,), window), expected)
    opaque = make_layer(pixels[..., :3], "RGB", window=Window(1, 1, 4, 3), display=display, formats="float")
    expected[1:4, 2:6] = False
    np.testing.assert_array_equal(
        empty_of(Frame([opaque], display, Path("made"), "openexr"), (0,), window), expected
    )

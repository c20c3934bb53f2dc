"""Are sheets, labels and heat maps right where a known pixel tells?"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from retempo.errors import UsageError
from retempo.report.contact_sheet import PAPER, make_sheet
from retempo.report.heat_map import paint_error, paint_turbo
from retempo.report.lettering import CELL_HEIGHT, CELL_WIDTH, draw_text, shorten, text_size
from retempo.report.picture import as_picture, fit_picture

cv2 = pytest.importorskip("cv2")


def test_as_picture_takes_every_kind() -> None:
    assert as_picture(np.full((2, 3), 0.5)).tolist() == np.full((2, 3, 3), 128).tolist()
    assert as_picture(np.full((2, 3, 1), 65535, np.uint16)).max() == 255
    assert as_picture(np.eye(2, dtype=bool))[0, 0].tolist() == [255, 255, 255]
    rgba = np.zeros((1, 1, 4), np.float32)
    rgba[0, 0] = [np.nan, np.inf, -2.0, 0.3]
    assert as_picture(rgba)[0, 0].tolist() == [0, 255, 0]
    source = np.zeros((2, 2, 3), np.uint8)
    copy = as_picture(source)
    copy[...] = 9
    assert not source.any()


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 2)), np.zeros(4), np.zeros((2, 2, 3), np.int32)])
def test_as_picture_refuses_the_rest(bad: np.ndarray) -> None:
    with pytest.raises(UsageError):
        as_picture(bad)


def test_fit_averages_areas() -> None:
    checks = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((2, 2)))[..., None]
    picture = np.repeat(checks * 255, 3, axis=2).astype(np.uint8)
    assert np.abs(fit_picture(picture, 4, 4).astype(int) - 128).max() <= 1
    assert (fit_picture(picture, 16, 16) == picture).all()
    assert (fit_picture(picture, 32, 32)[::2, ::2] == picture).all()
    noise = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    small = fit_picture(noise, 20, 11)
    expected = cv2.resize(noise, (20, 11), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected.astype(int)).max() <= 1


def test_every_printable_letter_is_drawn_and_different() -> None:
    seen = set()
    for code in range(32, 127):
        cell = np.zeros((CELL_HEIGHT, CELL_WIDTH, 3), np.uint8)
        draw_text(cell, chr(code), 0, 0)
        seen.add(cell.tobytes())
        assert cell.any() == (code != 32)
        assert not cell[:, 5].any()
    assert len(seen) == 95


def test_text_scales_is_clipped_and_gets_a_plate() -> None:
    assert text_size("abc", 2) == (3 * CELL_WIDTH * 2, CELL_HEIGHT * 2)
    small, large = np.zeros((9, 12, 3), np.uint8), np.zeros((27, 36, 3), np.uint8)
    draw_text(small, "Ag", 0, 0)
    draw_text(large, "Ag", 0, 0, scale=3)
    assert (np.kron(small, np.ones((3, 3, 1), np.uint8)) == large).all()
    for place in ((-3, -2), (8, 5), (-500, 0), (0, 500), (2, 2)):
        picture = np.zeros((10, 14, 3), np.uint8)
        draw_text(picture, "frame é 7", *place, plate=(9, 9, 9))
    assert (picture == 9).any()
    draw_text(small, "", 0, 0)


def test_shorten_keeps_both_ends() -> None:
    assert shorten("short", 1000) == "short"
    short = shorten("a_long_sequence_name.1001.exr", 16 * CELL_WIDTH)
    assert len(short) == 16
    assert short.startswith("a_long_")
    assert short.endswith("001.exr")
    assert shorten("abcdefgh", 3 * CELL_WIDTH) == "abc"
    assert shorten("abc", 0) == ""


def test_sheet_puts_each_picture_in_its_tile() -> None:
    colors = [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 0), (0, 200, 200)]
    pictures = [np.full((40, 80, 3), color, np.uint8) for color in colors]
    sheet = make_sheet(pictures, columns=2, tile_width=60, gap=4)
    assert sheet.shape == (3 * (30 + 4) + 4, 2 * (60 + 4) + 4, 3)
    for index, color in enumerate(colors):
        y, x = 4 + (index // 2) * 34 + 15, 4 + (index % 2) * 64 + 30
        assert tuple(sheet[y, x]) == color
    assert tuple(sheet[4 + 2 * 34 + 15, 4 + 64 + 30]) == PAPER
    labelled = make_sheet(pictures, [f"frame {i}" for i in range(5)], columns=2, tile_width=60, title="Sheet")
    assert labelled.shape[0] > sheet.shape[0]


def test_sheet_keeps_shapes_of_odd_pictures_and_mixes_types() -> None:
    wide, tall = np.ones((20, 40)), np.ones((400, 20, 4), np.float32)
    sheet = make_sheet([wide, tall, np.ones((1, 1), bool)], ["a", "b", "c"], columns=3, tile_width=40, gap=0)
    white = (sheet[:20] == 255).all(axis=-1)
    assert white[:, :40].all()
    assert white[:, 40:80].sum() == 20
    assert white[:, 80:].sum() == 20 * 20


def test_sheet_refuses_what_makes_no_sense() -> None:
    with pytest.raises(UsageError, match="at least one"):
        make_sheet([])
    with pytest.raises(UsageError, match="2 pictures have 1 labels"):
        make_sheet([np.ones((2, 2))] * 2, ["one"])
    with pytest.raises(UsageError, match="without pixels"):
        make_sheet([np.ones((0, 5))])


def test_turbo_is_turbo() -> None:
    reference = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_TURBO)[:, 0, ::-1]
    ours = paint_turbo(np.arange(256) / 255.0)
    assert np.abs(ours.astype(int) - reference.astype(int)).max() <= 3
    assert (paint_turbo(np.array([np.nan, -1.0])) == paint_turbo(np.array([0.0, 0.0]))).all()
    assert (paint_turbo(np.array(np.inf)) == paint_turbo(np.array(1.0))).all()


def test_error_map_shows_where_and_how_much() -> None:
    first = np.zeros((20, 30, 3), np.float32)
    second = first.copy()
    second[5, 6] = 0.5
    second[7, 8] = 0.25
    picture = paint_error(first, second, largest=0.5)
    assert (picture[5, 6] == paint_turbo(np.array(1.0))).all()
    assert (picture[7, 8] == paint_turbo(np.array(0.5))).all()
    assert (picture[0, 0] == paint_turbo(np.array(0.0))).all()
    codes = (np.rint(second * 255)).astype(np.uint8)
    assert np.abs(paint_error(first.astype(np.uint8), codes, largest=0.5).astype(int) - picture).max() <= 3


def test_error_map_of_equal_images_and_of_nan() -> None:
    image = np.random.default_rng(0).random((10, 10, 3)).astype(np.float32)
    assert (paint_error(image, image) == paint_turbo(np.array(0.0))).all()
    image[1, 1], image[2, 2] = np.nan, np.inf
    assert (paint_error(image, image) == paint_turbo(np.array(0.0))).all()
    other = np.nan_to_num(image, posinf=1.0)
    picture = paint_error(image, other, largest=1.0)
    assert (picture[1, 1] == paint_turbo(np.array(1.0))).all()
    assert (picture[2, 2] == paint_turbo(np.array(1.0))).all()
    assert (picture[3, 3] == paint_turbo(np.array(0.0))).all()


def test_error_map_draws_a_bar_only_where_it_fits() -> None:
    small, large = np.zeros((40, 200)), np.zeros((60, 200))
    assert (paint_error(small, small) == paint_turbo(np.array(0.0))).all()
    assert (paint_error(large, large)[-16:] == 0).any()
    with pytest.raises(UsageError, match="one shape"):
        paint_error(small, large)


def test_room_needs_nothing_but_numpy() -> None:
    code = (
        "import sys\n"
        "import retempo.report.flow_picture, retempo.report.arrows, retempo.report.heat_map\n"
        "import retempo.report.contact_sheet\n"
        "assert not {'cv2', 'torch', 'OpenImageIO', 'PyOpenColorIO', 'av'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

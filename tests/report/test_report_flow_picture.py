"""Does each direction get its colour, and does nonsense in the flow stay visible as black?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from retempo.errors import UsageError
from retempo.report.arrows import draw_arrows
from retempo.report.flow_picture import draw_wheel, paint_flow, paint_flow_with_legend, typical_length


def color_of(dx: float, dy: float, longest: float = 1.0) -> list[int]:
    return paint_flow(np.array([[[dx, dy]]], np.float32), longest=longest)[0, 0].tolist()


def test_known_directions() -> None:
    assert color_of(0, 0) == [255, 255, 255]
    assert color_of(1, 0) == [255, 0, 0]
    red, green, blue = color_of(0, 1)
    assert (red, blue) == (255, 0)
    assert green == round(255 * 13.75 / 15)
    red, green, blue = color_of(-1, 0)
    assert (red, blue) == (0, 255)
    assert green == round(255 * (1 - 2.5 / 11))
    red, green, blue = color_of(0, -1)
    assert (green, blue) == (0, 255)
    assert red == round(255 * 5.25 / 13)


def test_half_the_length_is_half_as_saturated_and_too_long_is_darker() -> None:
    assert color_of(0.5, 0.0) == [255, 128, 128]
    assert color_of(3.0, 0.0) == [191, 0, 0]
    assert color_of(7.0, 0.0, longest=14.0) == [255, 128, 128]


def test_agrees_with_the_published_wheel_away_from_its_seam() -> None:
    """The wheel as the paper describes it: 55 colours, looked up by angle, here with wrap-around."""
    steps = (15, 6, 4, 11, 13, 6)
    corners = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 0, 0]], float)
    wheel = np.concatenate(
        [corners[i] + np.arange(n)[:, None] / n * (corners[i + 1] - corners[i]) for i, n in enumerate(steps)]
    )
    assert len(wheel) == 55
    for index in range(55):
        angle = 2.0 * np.pi * index / 55
        got = np.array(color_of(np.cos(angle), np.sin(angle), longest=1.0001), float)
        np.testing.assert_allclose(got, wheel[index] * 255.0, atol=1.5)


def test_hue_is_continuous_all_around() -> None:
    angle = np.linspace(0, 2 * np.pi, 2000)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=-1)[None].astype(np.float32) * 0.999
    colors = paint_flow(ring, longest=1.0).astype(int)[0]
    assert np.abs(np.diff(np.concatenate([colors, colors[:1]]), axis=0)).max() <= 4


def test_unknown_flow_is_black_and_does_not_set_the_scale() -> None:
    flow = np.ones((3, 3, 2), np.float32)
    flow[0, 0], flow[0, 1, 0], flow[0, 2, 1] = np.nan, np.inf, 1.7e9
    valid = np.ones((3, 3), bool)
    valid[1, 1] = False
    picture = paint_flow(flow, valid=valid)
    for y, x in ((0, 0), (0, 1), (0, 2), (1, 1)):
        assert picture[y, x].tolist() == [0, 0, 0]
    assert typical_length(flow, valid) == pytest.approx(np.sqrt(2.0))
    assert picture[2, 2].min() < 5
    assert typical_length(np.full((2, 2, 2), np.nan, np.float32)) == 0.0


@given(arrays.arrays(np.float32, (4, 6, 2), elements=st.floats(width=32)))
@settings(max_examples=60, deadline=None)
def test_any_flow_makes_a_picture(flow: np.ndarray) -> None:
    for picture in (paint_flow(flow), draw_arrows(np.zeros((4, 6)), flow, spacing=3)):
        assert picture.shape == (4, 6, 3)
        assert picture.dtype == np.uint8


def test_still_flow_is_white_without_dividing_by_zero() -> None:
    assert (paint_flow(np.zeros((5, 5, 2), np.float32)) == 255).all()


def test_wheel_and_legend() -> None:
    wheel = draw_wheel(51)
    assert wheel.shape == (51, 51, 3)
    assert wheel[25, 25].tolist() == [255, 255, 255]
    assert wheel[0, 0].tolist() == [0, 0, 0]
    assert wheel[25, 49].tolist()[0] == 255
    assert wheel[25, 49].tolist()[1] < 20
    flow = np.zeros((200, 300, 2), np.float32)
    flow[..., 0] = 5.0
    plain, marked = paint_flow(flow), paint_flow_with_legend(flow)
    assert (plain[:150] == marked[:150]).all()
    assert (plain[150:, 200:] != marked[150:, 200:]).any()
    assert (paint_flow_with_legend(flow[:20, :20]) == paint_flow(flow[:20, :20])).all()


def test_flow_of_another_shape_is_refused() -> None:
    with pytest.raises(UsageError, match=r"flow is \[H, W, 2\]"):
        paint_flow(np.zeros((4, 4, 3), np.float32))


def test_arrows_start_at_their_pixel_and_end_where_it_goes() -> None:
    flow = np.zeros((60, 100, 2), np.float32)
    flow[..., 0], flow[..., 1] = 30.0, 12.0
    valid = np.zeros((60, 100), bool)
    valid[30, 30] = True
    image = np.zeros((60, 100, 3), np.uint8)
    picture = draw_arrows(image, flow, spacing=60, valid=valid, color=(0, 255, 0))
    assert picture[30, 30, 1] > 200
    assert picture[42, 60, 1] > 200
    assert picture[36, 45, 1] > 200
    assert not picture[:25].any()
    assert not image.any()


def test_no_arrow_where_flow_is_unknown() -> None:
    flow = np.full((48, 48, 2), np.nan, np.float32)
    assert not draw_arrows(np.zeros((48, 48)), flow).any()

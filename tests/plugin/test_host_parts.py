"""Are the host's curves, message texts and pixel conversions right by themselves?"""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from host import constants as k
from host.curves import Curve
from host.images import DEPTHS, ImageBuffer, Rect, from_depth, to_components, to_depth
from host.printf import format_message
from hypothesis import given, settings
from hypothesis import strategies as st

KEYS = st.dictionaries(st.integers(-20, 20), st.floats(-4, 4), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(KEYS, st.sampled_from(["linear", "hold", "smooth"]), st.floats(-25, 25), st.floats(-25, 25))
def test_integrals_agree_with_a_fine_sum(keys: dict[int, float], kind: str, a: float, b: float) -> None:
    curve = Curve((0.0,), kind)
    for time, value in keys.items():
        curve.set_key(time, (value,))
    edges = np.linspace(a, b, 4001)
    middles = (edges[1:] + edges[:-1]) / 2
    expected = sum(curve.value(float(t))[0] for t in middles) * (b - a) / 4000
    assert curve.integral(a, b)[0] == pytest.approx(expected, abs=0.15)  # a hold jumps within a step
    assert curve.integral(a, b)[0] == pytest.approx(-curve.integral(b, a)[0])


@given(KEYS)
def test_curves_pass_through_their_keys(keys: dict[int, float]) -> None:
    for kind in ("linear", "hold", "smooth"):
        curve = Curve((0.0,), kind)
        for time, value in keys.items():
            curve.set_key(time, (value,))
        for time, value in keys.items():
            assert curve.value(time)[0] == pytest.approx(value)
        times = sorted(keys)
        assert [curve.find_key(t, 0) for t in times] == list(range(len(times)))
        assert curve.find_key(times[0] - 1, 1) == 0 and curve.find_key(times[0], -1) == -1


@pytest.mark.parametrize(
    ("template", "words", "numbers", "text"),
    [
        ("plain 100%%", [], [], "plain 100%"),
        ("%d %u %5d|%-5d|", [2**64 - 3, 2**32 - 1, 7, 8], [], "-3 4294967295     7|8    |"),
        ("%ld %zu %x %#o %hhd", [2**64 - 1, 5, 255, 8, 0x1FF], [], "-1 5 ff 010 -1"),
        ("%.3f %g %e %*d", [4, 9], [1.5, 0.25, 1000.0], "1.500 0.25 1.000000e+03    9"),
        ("%s %c", [0, 65], [], "(null) A"),
    ],
)
def test_messages_are_formatted_as_c_does(
    template: str, words: list[int], numbers: list[float], text: str
) -> None:
    assert format_message(template, words, numbers) == text


def test_a_message_with_a_string_and_bad_formats() -> None:
    buffer = ctypes.create_string_buffer("grün".encode())
    assert format_message("<%6s>", [ctypes.addressof(buffer)], []) == "<  grün>"
    for template in ("%d", "%y"):
        with pytest.raises(ValueError, match=r"conversion|captures"):
            format_message(template, [], [])


@pytest.mark.parametrize("depth", list(DEPTHS.values()))
def test_code_values_survive_both_ways(depth: str) -> None:
    codes = {k.kOfxBitDepthByte: 256, k.kOfxBitDepthShort: 65536}.get(depth)
    if codes:
        values = np.arange(codes).astype(to_depth(np.zeros(1, np.float32), depth).dtype)
        np.testing.assert_array_equal(to_depth(from_depth(values, depth), depth), values)
        ends = to_depth(np.array([np.nan, -1, 2, np.inf], np.float32), depth)
        assert ends.tolist() == [0, 0, codes - 1, codes - 1]
    else:
        values = np.array([0.5, -3.0, 1000.0, np.inf], np.float32)
        np.testing.assert_array_equal(from_depth(to_depth(values, depth), depth), values)


def test_components_are_mapped() -> None:
    rgba = np.array([[[1, 2, 3, 4]]], np.float32)
    assert to_components(rgba, k.kOfxImageComponentRGB).tolist() == [[[1, 2, 3]]]
    assert to_components(rgba, k.kOfxImageComponentAlpha).tolist() == [[[4]]]
    assert to_components(rgba[..., :3], k.kOfxImageComponentRGBA).tolist() == [[[1, 2, 3, 1]]]
    assert to_components(rgba[..., 3:], k.kOfxImageComponentRGBA).tolist() == [[[0, 0, 0, 4]]]


@pytest.mark.parametrize("negative", [False, True])
def test_the_address_is_the_lower_left_pixel(negative: bool) -> None:
    buffer = ImageBuffer(Rect(3, -2, 7, 1), k.kOfxBitDepthFloat, k.kOfxImageComponentAlpha, negative, 8)
    buffer.view()[...] = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    for row in range(3):  # from the bottom; top-down numbering starts at the top
        first = ctypes.c_float.from_address(buffer.address + row * buffer.row_bytes).value
        assert first == (2 - row) * 4
    assert not buffer.guard_hit()
    ctypes.c_char.from_address(buffer.address + 4 * 4).value = b"\0"  # behind the lowest row
    assert buffer.guard_hit()


def test_blank_pixels_and_writes_outside_are_seen() -> None:
    buffer = ImageBuffer(Rect(0, 0, 4, 4), k.kOfxBitDepthHalf, k.kOfxImageComponentRGBA)
    buffer.blank()
    window = Rect(1, 1, 3, 3)
    buffer.view(window)[...] = 1
    assert buffer.count_blank(window) == 0 and not buffer.changed_outside(window)
    assert buffer.count_blank(Rect(0, 0, 4, 4)) == 12
    buffer.view()[0, 0, 0] = 0
    assert buffer.changed_outside(window)

"""Do a host's pixels arrive as the floats that they mean, the right way up, and go back without a loss?"""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from bits import assert_same_bits
from retempo.io.frame import Window
from retempo.server.digest import digest_pixels

DEPTHS = {"byte": np.uint8, "short": np.uint16, "half": np.float16, "float": np.float32}
MOST = {"byte": 255, "short": 65535}


def run(driver: Path, command: str, data: bytes, **values: object) -> bytes:
    words = [str(driver), command, *(f"{key}={value}" for key, value in values.items())]
    done = subprocess.run(words, input=data, capture_output=True, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def to_float(driver: Path, row: np.ndarray, depth: str, **values: object) -> np.ndarray:
    return np.frombuffer(run(driver, "rows", row.tobytes(), depth=depth, to="float", **values), np.float32)


def to_host(driver: Path, row: np.ndarray, depth: str, **values: object) -> np.ndarray:
    data = run(driver, "rows", row.astype(np.float32).tobytes(), depth=depth, to="host", **values)
    return np.frombuffer(data, DEPTHS[depth])


def every_value(depth: str) -> np.ndarray:
    return np.arange(256 if depth == "byte" else 65536).astype(DEPTHS["byte" if depth == "byte" else "short"])


@pytest.mark.parametrize("depth", ["byte", "short"])
def test_every_code_value_is_its_fraction_and_comes_back(driver: Path, depth: str) -> None:
    values = every_value(depth)
    floats = to_float(driver, values, depth)
    np.testing.assert_array_equal(floats, values.astype(np.float32) / np.float32(MOST[depth]))
    np.testing.assert_array_equal(to_host(driver, floats, depth), values)


def test_every_half_is_its_float_and_comes_back(driver: Path) -> None:
    halves = every_value("half").view(np.float16)
    floats = to_float(driver, halves, "half")
    np.testing.assert_array_equal(floats, halves.astype(np.float32))
    numbers = np.where(np.isnan(halves), np.float16(0), halves)
    back = to_host(driver, numbers.astype(np.float32), "half")
    np.testing.assert_array_equal(back.view(np.uint16), numbers.view(np.uint16))


def test_floats_become_halves_as_in_numpy(driver: Path) -> None:
    random = np.random.default_rng(5)
    floats = (random.normal(size=100000) * 10.0 ** random.uniform(-9, 6, 100000)).astype(np.float32)
    edges = [
        65504,
        65519.996,
        65520,
        65536,
        1e30,
        np.inf,
        5.96e-8,
        2.98e-8,
        2.981e-8,
        6.1e-5,
        6.09e-5,
        1e-40,
        0.0,
        -0.0,
    ]
    halves = np.arange(0x7BFF, dtype=np.uint16).view(np.float16).astype(np.float64)
    ties = ((halves[:-1] + halves[1:]) / 2).astype(np.float32)
    floats = np.concatenate([floats, ties, -ties, np.array(edges + [-one for one in edges], np.float32)])
    floats = floats[: len(floats) // 4 * 4]
    with np.errstate(over="ignore"):
        expected = floats.astype(np.float16)
    np.testing.assert_array_equal(to_host(driver, floats, "half").view(np.uint16), expected.view(np.uint16))
    assert np.isnan(to_host(driver, np.full(4, np.nan), "half")).all()


@pytest.mark.parametrize("depth", ["byte", "short"])
def test_what_a_depth_cannot_hold_is_clamped(driver: Path, depth: str) -> None:
    row = np.array([-1, -0.0, 1.5, np.inf, -np.inf, np.nan, 1e30, 1.0])
    most = MOST[depth]
    assert to_host(driver, row, depth).tolist() == [0, 0, most, most, 0, 0, most, most]


def test_floats_pass_bit_for_bit(driver: Path) -> None:
    bits = np.random.default_rng(1).integers(0, 2**32, 4000, np.uint32)
    assert_same_bits(to_float(driver, bits.view(np.float32), "float").view(np.uint32), bits)
    made = run(driver, "rows", bits.tobytes(), depth="float", to="host")
    assert_same_bits(np.frombuffer(made, np.uint32), bits)


@pytest.mark.parametrize("depth", DEPTHS)
def test_arithmetic_of_the_host_changes_nothing(driver: Path, depth: str) -> None:
    """A thread that rounds up and takes denormals for zero gets the same bits."""
    random = np.random.default_rng(3)
    row = (random.uniform(-0.1, 1.1, 4000) * 10.0 ** random.uniform(-45, 0, 4000)).astype(np.float32)
    host = every_value("byte" if depth == "byte" else "short")[:4000].view(DEPTHS[depth])
    host = row if depth == "float" else host[np.isfinite(host.astype(np.float32))]
    for alpha in ("premultiplied", "unpremultiplied"):
        plain, odd = (to_float(driver, host, depth, alpha=alpha, odd=odd) for odd in (0, 1))
        assert_same_bits(odd.view(np.uint32), plain.view(np.uint32))
        plain, odd = (to_host(driver, row, depth, alpha=alpha, odd=odd) for odd in (0, 1))
        assert_same_bits(odd.view(np.uint8), plain.view(np.uint8))


@pytest.mark.parametrize("depth", DEPTHS)
def test_colour_is_multiplied_by_alpha_and_divided_again(driver: Path, depth: str) -> None:
    random = np.random.default_rng(2)
    pixels = random.uniform(0, 1, (500, 4)).astype(np.float32)
    pixels[0, 3] = 0
    host = (pixels * MOST[depth]).astype(DEPTHS[depth]) if depth in MOST else pixels.astype(DEPTHS[depth])
    scale = np.float32(MOST.get(depth, 1))
    straight = host.astype(np.float32) / scale
    found = to_float(driver, host, depth, alpha="unpremultiplied").reshape(-1, 4)
    expected = straight.copy()
    expected[:, :3] *= straight[:, 3:]
    np.testing.assert_array_equal(found, expected)
    back = to_host(driver, found, depth, alpha="unpremultiplied").reshape(-1, 4)
    seen = host[:, 3] > 0
    if depth in MOST:
        np.testing.assert_array_equal(back[seen], host[seen])
    else:
        np.testing.assert_allclose(
            back[seen].astype(float), host[seen].astype(float), rtol=2e-3 if depth == "half" else 3e-7
        )
    assert (back[0, :3] == 0).all()  # nothing is divided by 0


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("gap", [0, 5])
@pytest.mark.parametrize("negative", [False, True])
def test_pictures_cross_the_right_way_up(
    driver: Path, depth: str, channels: int, gap: int, negative: bool
) -> None:
    width, height, x1, y1 = 13, 9, -4, 7
    display = (-4, 0, 30, 40)
    random = np.random.default_rng(3)
    top_down = random.uniform(0, 250, (height, width, channels)).astype(DEPTHS[depth])
    row = width * channels * top_down.itemsize
    pitch = row + gap  # any number of bytes, aligned to nothing
    buffer = np.zeros((height, pitch), np.uint8)
    buffer[:, :row] = (top_down if negative else top_down[::-1]).reshape(height, -1).view(np.uint8)
    values = {
        "depth": depth, "channels": channels, "bounds": f"{x1},{y1},{x1 + width},{y1 + height}",
        "row_bytes": -pitch if negative else pitch, "start": pitch * (height - 1) if negative else 0,
    }  # fmt: skip
    shown = run(
        driver,
        "picture",
        buffer.tobytes(),
        to="wire",
        settled=int(gap > 0),
        display=",".join(map(str, display)),
        **values,
    )
    line, _, data = shown.partition(b"\n")
    digest, _, window = line.decode().partition(" ")
    floats = np.frombuffer(data, np.float32).reshape(height, width, channels)
    expected = top_down.astype(np.float32) / np.float32(MOST.get(depth, 1))
    np.testing.assert_array_equal(floats, expected)
    place = Window(x1 - display[0], display[3] - (y1 + height), width, height)
    assert window == f"[{place.x}, {place.y}, {width}, {height}]"
    assert digest == digest_pixels(expected, place).hex()

    # and a part of it back: nothing outside of the part is touched
    part = (x1 + 2, y1 + 1, x1 + 10, y1 + 6)
    inner = expected[height - 6 : height - 1, 2:10]
    back = run(
        driver,
        "picture",
        inner.tobytes(),
        to="host",
        window=",".join(map(str, part)),
        size=buffer.size,
        **values,
    )
    lines = np.frombuffer(back, np.uint8).reshape(height, pitch)
    lines = lines if negative else lines[::-1]
    filled = lines[:, :row].copy().view(DEPTHS[depth]).reshape(height, width, channels)
    np.testing.assert_array_equal(
        filled[height - 6 : height - 1, 2:10], top_down[height - 6 : height - 1, 2:10]
    )
    touched = np.zeros((height, pitch), bool)
    size = channels * top_down.itemsize
    touched[height - 6 : height - 1, 2 * size : 10 * size] = True
    assert (lines[~touched] == 0xAB).all()


def test_both_kinds_of_shared_memory_keep_what_is_written(driver: Path) -> None:
    assert run(driver, "memory", b"") == b"good\n"

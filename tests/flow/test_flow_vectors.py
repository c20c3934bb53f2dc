"""Does every vector preset mean what its program means?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retempo import ops
from retempo.errors import InputError, UsageError
from retempo.flow.vectors import PRESETS, decode_vectors, encode_vectors, find_preset


def plane(x: float, y: float) -> np.ndarray:
    return np.array([[[x, y]]], np.float32)


# One pixel that moves 6 pixels right and 2 down to the next frame, in a 200x100 picture, and came from 6 left and
# 2 up: the values that each program would have stored, worked out by hand from its manual.
FORWARD = {
    "nuke": (6, -2),
    "revision": (6, -2),
    "cycles": (-6, 2),  # ZW = centre - next, y up
    "arnold": (6, -2),
    "arnold-normalized": (0.5 + 6 / 40, 0.5 - 2 / 40),  # largest displacement 20
    "moonray": (6 / 100, -2 / 50),
    "vray": (0.5 + 6 / 40, 0.5 - 2 / 40),
    "retempo": (6, 2),
}
BACKWARD = {"nuke": (-6, 2), "cycles": (-6, 2), "retempo": (-6, -2)}  # Cycles' XY = previous - centre


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_known_answers(name: str) -> None:
    alpha = np.ones((1, 1), np.float32)
    flow, valid = decode_vectors(plane(*FORWARD[name]), PRESETS[name], alpha, 200, 100, maximum=20)
    np.testing.assert_allclose(flow[0, 0], (6, 2), rtol=1e-5)
    assert valid.all()
    if name in BACKWARD:
        flow, _ = decode_vectors(plane(*BACKWARD[name]), PRESETS[name], alpha, 200, 100, direction="backward")
        np.testing.assert_allclose(flow[0, 0], (-6, -2), rtol=1e-5)
        assert len(PRESETS[name].channels("backward")) == 2


@given(
    name=st.sampled_from(sorted(PRESETS)),
    x=st.floats(-300, 300, width=32),
    y=st.floats(-300, 300, width=32),
    alpha=st.floats(0.125, 1, width=32),
    scale=st.sampled_from([1.0, 2.0, 0.5, -1.0]),
    direction=st.sampled_from(["forward", "backward"]),
    flip=st.sampled_from([None, True, False]),
)
def test_encode_then_decode(
    name: str, x: float, y: float, alpha: float, scale: float, direction: str, flip: bool | None
) -> None:
    preset = PRESETS[name]
    coverage = np.full((1, 1), alpha if preset.unpremultiply else 1.0, np.float32)
    options = {"direction": direction, "maximum": 300.0, "scale": scale, "flip_y": flip}
    stored = encode_vectors(plane(x, y), preset, coverage, 1920, 1080, **options)  # type: ignore[arg-type]
    flow, valid = decode_vectors(stored, preset, coverage, 1920, 1080, **options)  # type: ignore[arg-type]
    assert valid.all()
    np.testing.assert_allclose(flow[0, 0], (x, y), rtol=1e-5, atol=2e-4)


def test_alpha_and_nonfinite_values_make_invalid_pixels() -> None:
    alpha = np.array([[1.0, 0.99, 0.0, 1.0, np.nan]], np.float32)
    stored = np.ones((1, 5, 2), np.float32)
    stored[0, 3, 1] = np.inf
    flow, valid = decode_vectors(stored, PRESETS["revision"], alpha)
    assert valid.tolist() == [[True, False, False, False, False]]
    assert not flow[~valid].any() and np.isfinite(flow).all()
    flow, valid = decode_vectors(stored * 0.5, PRESETS["moonray"], np.full((1, 5), 0.5, np.float32), 2, 2)
    np.testing.assert_allclose(flow[0, 0], (1, -1))
    _, valid = decode_vectors(stored, PRESETS["moonray"], alpha, 2, 2)
    assert valid.tolist() == [[True, True, False, False, False]]
    before = np.full((1, 1, 2), np.nan, np.float32)
    decode_vectors(before, PRESETS["nuke"])
    assert np.isnan(before).all()  # the caller's array stays as it was


def test_errors_name_what_is_missing() -> None:
    with pytest.raises(UsageError, match="largest displacement"):
        decode_vectors(plane(1, 1), PRESETS["vray"])
    with pytest.raises(InputError, match="premultiplied"):
        decode_vectors(plane(1, 1), PRESETS["moonray"])
    with pytest.raises(InputError, match="shape"):
        decode_vectors(np.zeros((2, 2, 3), np.float32), PRESETS["nuke"])
    with pytest.raises(InputError, match="alpha is"):
        decode_vectors(plane(1, 1), PRESETS["revision"], np.ones((2, 2), np.float32))
    with pytest.raises(UsageError, match="scale"):
        decode_vectors(plane(1, 1), PRESETS["nuke"], scale=0.0)
    with pytest.raises(UsageError, match="nuke"):
        find_preset("nuk")
    assert find_preset("Nuke") is PRESETS["nuke"]


def test_nuke_preset_on_a_real_render(data_dir: Path) -> None:
    oiio = pytest.importorskip("OpenImageIO")

    def read(number: int, part: int, channels: int) -> np.ndarray:
        source = oiio.ImageInput.open(str(data_dir / "exr" / "beachball" / f"multipart.{number:04d}.exr"))
        source.seek_subimage(part, 0)
        spec = source.spec()
        full = np.zeros((spec.full_height, spec.full_width, channels), np.float32)
        full[spec.y : spec.y + spec.height, spec.x : spec.x + spec.width] = source.read_image(
            part, 0, 0, channels, "float"
        )
        return full[200:1150, 600:1600]

    color, following, stored = read(1, 4, 4), read(2, 4, 4), read(1, 2, 2)
    solid = color[..., 3] > 0.99

    def error(flow: np.ndarray) -> float:
        return float(np.abs(color - ops.warp_image(following, flow))[solid].mean())

    still = error(np.zeros_like(stored))
    right = error(
        decode_vectors(stored, PRESETS["nuke"], scale=2.0)[0]
    )  # it was rendered with half a frame's shutter
    assert right < 0.4 * still
    assert right < 0.4 * error(decode_vectors(stored, PRESETS["nuke"], scale=2.0, flip_y=False)[0])
    assert right < 0.4 * error(
        decode_vectors(stored, PRESETS["nuke"], scale=2.0, direction="forward")[0] * -1
    )
    assert right < 0.7 * error(decode_vectors(stored, PRESETS["nuke"])[0])

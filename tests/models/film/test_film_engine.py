"""Does FILM make the frame halfway of pictures of any size, say where it comes from, and refuse other instants?"""

from __future__ import annotations

from typing import Any

import pytest

from retempo.errors import InputError, TimingError
from retempo.models.film import CAPABILITIES, ENGINE

torch = pytest.importorskip("torch")
import torch.nn.functional as functional  # noqa: E402

from retempo.models.base import Interpolator, PreparedWindow  # noqa: E402
from retempo.models.film.adapter import FilmEngine, share  # noqa: E402
from retempo.models.film.network import Film  # noqa: E402


@pytest.fixture(scope="module")
def engine() -> Any:
    torch.manual_seed(3)
    return ENGINE.adapt(Film(), "film:style,untrained=3")


def test_engine_fills_the_protocols(engine: Any) -> None:
    assert isinstance(engine, Interpolator) and isinstance(engine, FilmEngine)
    assert engine.name == "film:style,untrained=3" and engine.capabilities is CAPABILITIES
    assert not CAPABILITIES.any_time and CAPABILITIES.fields and CAPABILITIES.halo is None


def test_odd_sizes_are_padded_with_black_in_the_middle_and_cropped(engine: Any) -> None:
    images = torch.rand(2, 1, 3, 37, 61)
    window = engine.prepare(list(images))
    assert isinstance(window, PreparedWindow)
    made = window.render(0.5)
    padded = [functional.pad(image, (1, 2, 13, 14)) for image in images]
    network = engine._network
    with torch.no_grad():
        expected, to0, _ = network.render(network.prepare(*padded), torch.full((1, 1), 0.5))
    assert torch.equal(made.image, expected[..., 13:50, 1:62])
    assert torch.equal(made.fields.flow_t0, to0[..., 13:50, 1:62])
    assert made.fields.flow_t1.shape == (1, 2, 37, 61) and made.fields.share0.shape == (1, 1, 37, 61)
    assert float(made.fields.share0.min()) > 0 and float(made.fields.share0.max()) < 1
    assert not made.image.requires_grad
    assert torch.equal(window.render(torch.full((1, 1, 1, 1), 0.5)).image, made.image)
    # 3 + features and two flows of two channels at five levels, each a quarter of the one before
    floats = sum((2 * (3 + count) + 4) / 4**level for level, count in enumerate((64, 192, 448, 960, 960)))
    assert window.nbytes == 4 * 64 * 64 * floats
    with pytest.raises(TimingError, match="halfway"):
        window.render(0.25)


def test_windows_that_do_not_fit_are_refused(engine: Any) -> None:
    picture = torch.rand(1, 3, 64, 64)
    with pytest.raises(InputError, match="3 frames"):
        engine.prepare([picture] * 3)
    with pytest.raises(InputError, match="frame 1"):
        engine.prepare([picture, picture[..., :32]])


def test_a_pixel_comes_from_the_frame_that_it_looks_like() -> None:
    one, other = torch.zeros(1, 3, 16, 32), torch.ones(1, 3, 16, 32)
    made = torch.cat((one[..., :16], other[..., 16:]), 3)
    found = share(made, one, other)
    assert float(found[..., :14].min()) > 0.98 and float(found[..., 18:].max()) < 0.02
    assert torch.equal(share(made, one, one), torch.full((1, 1, 16, 32), 0.5))

"""Does an engine that goes in steps arrive where it should, and is SplatSyn an engine like the others?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from retempo.errors import InputError, TimingError, UsageError
from retempo.models.base import Capabilities, Interpolator, Made, PreparedWindow, as_time
from retempo.models.indexing import Stepped
from retempo.models.registry import load_engine, parse_engine

torch = pytest.importorskip("torch", reason="engines work on tensors")


class Mixer:
    """Mixes two pictures by time, or by a map of times; counts what it is asked."""

    name = "mixer"

    def __init__(self, **capabilities: Any) -> None:
        self.capabilities = Capabilities(
            **{"any_time": True, "index_map": True, "fields": True, **capabilities}
        )
        self.windows = 0

    def prepare(self, images: Sequence[Any]) -> Any:
        self.windows += 1
        return _Mixed(images)


class _Mixed:
    nbytes = 0

    def __init__(self, images: Sequence[Any]) -> None:
        self.images = images

    def render(self, time: Any) -> Made:
        one, other = self.images
        phase = as_time(time, one)
        return Made(one * (1 - phase) + other * phase)


def pair(width: int = 24) -> list[Any]:
    generator = torch.Generator().manual_seed(3)
    return [torch.rand(2, 3, 16, width, generator=generator) for _ in range(2)]


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_steps_arrive_where_one_would(steps: int) -> None:
    """Mixing is linear, so any number of exact steps gives what one gives: at numbers, at maps, at the ends."""
    images, mixer = pair(), Mixer()
    stepped = Stepped(mixer, steps)
    assert not stepped.capabilities.fields and stepped.capabilities.index_map
    window = stepped.prepare(images)
    ramp = torch.linspace(0, 1, 24).expand(2, 1, 16, 24)
    for time in (0.0, 0.3, 1.0, ramp):
        mixer.windows = 0
        made = window.render(time).image
        torch.testing.assert_close(made, _Mixed(images).render(time).image, atol=1e-5, rtol=0)
        assert mixer.windows == steps - 1, "the first step is prepared once"


def test_what_cannot_go_in_steps() -> None:
    with pytest.raises(UsageError, match="halfway only"):
        Stepped(Mixer(any_time=False), 2)
    for steps in (0, 17):
        with pytest.raises(UsageError, match=f"steps={steps}"):
            Stepped(Mixer(), steps)
    with pytest.raises(UsageError, match="steps: pictures made on the way"):
        parse_engine("splatsyn:plain,steps=99")


def moving(number: float) -> np.ndarray:
    """A texture that moves 6 pixels to the right a frame: [3, 48, 64]."""
    y, x = np.mgrid[:48, :64].astype(np.float32)
    x = x - 6 * number
    planes = [np.sin(x / 3 + y / 5), np.cos(x / 4 - y / 3), np.sin(x / 5) * np.cos(y / 4)]
    return (np.stack(planes) * 0.35 + 0.5).astype(np.float32)


def test_splatsyn_is_an_engine() -> None:
    engine = load_engine("splatsyn")
    assert isinstance(engine, Interpolator) and engine.name == "splatsyn:plain"
    images = [torch.from_numpy(np.stack([moving(n), moving(n + 5)])) for n in (0, 1)]
    window = engine.prepare(images)
    assert isinstance(window, PreparedWindow) and window.nbytes > 0
    inside = np.s_[..., 6:-6, 12:-12]
    for time in (0.25, 0.5, torch.full((2, 1, 48, 64), 0.75)):
        phase = float(torch.as_tensor(time).mean())
        made = window.render(time)
        truth = torch.from_numpy(np.stack([moving(phase), moving(phase + 5)]))
        assert float((made.image - truth)[inside].abs().max()) < 0.05
        fields = made.fields
        assert (
            fields is not None
            and fields.flow_t0.shape == (2, 2, 48, 64)
            and fields.share0.shape == (2, 1, 48, 64)
        )
        assert float((fields.flow_t0[:, 0] + 6 * phase)[inside].abs().max()) < 0.5
        assert float((fields.flow_t1[:, 0] - 6 * (1 - phase))[inside].abs().max()) < 0.5
        assert torch.allclose(fields.share0, torch.tensor(1 - phase), atol=1e-6)
    for time, image in ((0.0, images[0]), (1.0, images[1])):
        assert torch.equal(window.render(time).image, image)


def test_two_steps_of_splatsyn() -> None:
    images = [torch.from_numpy(moving(n)[None]) for n in (0, 1)]
    made = load_engine("splatsyn:plain,steps=2").prepare(images).render(0.5)
    assert made.fields is None
    assert float((made.image - torch.from_numpy(moving(0.5)))[..., 6:-6, 12:-12].abs().max()) < 0.05


def test_windows_that_do_not_fit() -> None:
    engine = load_engine("splatsyn")
    with pytest.raises(InputError, match="takes 2"):
        engine.prepare(pair()[:1])
    with pytest.raises(InputError, match="alike"):
        engine.prepare([pair()[0], pair(30)[0]])
    with pytest.raises(InputError, match=r"expected \[N, 3, H, W\]"):
        engine.prepare([torch.zeros(3, 4, 4), torch.zeros(3, 4, 4)])
    with pytest.raises(InputError, match="float"):
        engine.prepare([torch.zeros(1, 3, 4, 4, dtype=torch.uint8)] * 2)
    window = engine.prepare(pair())
    for time in (-0.1, 1.5, float("nan")):
        with pytest.raises(TimingError, match="outside the gap"):
            window.render(time)
    with pytest.raises(InputError, match="instants of shape"):
        window.render(torch.zeros(2, 1, 5, 5))

"""Does DBVI work as an engine: four frames in, any instant out, motion from any estimator, and does its loss add up?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from retempo.errors import TimingError, UsageError, WeightsError
from retempo.flow.catalog import register_flow
from retempo.models.base import Interpolator
from retempo.models.dbvi import motion
from retempo.models.dbvi.losses import SHARES, make_objective, weigh
from retempo.models.dbvi.network import Dbvi
from retempo.models.engine import Batch
from retempo.models.registry import load_engine, parse_engine


class Accelerating:
    """Says that frame n shows the scene moved by n^2 pixels to the right, whatever it is shown."""

    name = "accelerating"

    def estimate(self, image0: np.ndarray, image1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = [round(float(image.mean()) * 10) for image in (image0, image1)]
        flow = np.zeros((*image0.shape[:2], 2), np.float32)
        flow[..., 0] = place[1] ** 2 - place[0] ** 2
        return flow, -flow


@pytest.fixture(scope="module")
def engine() -> Any:
    return load_engine("dbvi", allow_untrained=True, seed=3)


def make_frames(height: int, width: int, count: int = 1) -> list[Any]:
    generator = torch.Generator().manual_seed(5)
    return [torch.rand(count, 3, height, width, generator=generator) for _ in range(4)]


def test_motion_follows_a_parabola_through_three_frames() -> None:
    frames = [torch.full((1, 3, 8, 8), index / 10) for index in range(4)]  # frame 1 is the earlier of the gap
    paths = motion.find_paths(frames, Accelerating())
    for time in (0.0, 0.25, 0.5, 1.0):
        ahead, back = paths.at(torch.full((1, 1, 1, 1), time))
        where = (1 + time) ** 2
        assert torch.allclose(ahead[:, 0], torch.tensor(where - 1)) and not ahead[:, 1].any()
        assert torch.allclose(back[:, 0], torch.tensor(where - 4)) and not back[:, 1].any()


def test_large_pictures_are_searched_at_half_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    class Counting(Accelerating):
        def estimate(self, image0: np.ndarray, image1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            sizes.append(image0.shape)
            return super().estimate(image0, image1)

    monkeypatch.setattr(motion, "LARGE", 16 * 24)
    frames = [torch.full((1, 3, 16, 24), index / 10) for index in range(4)]
    ahead, _ = motion.find_paths(frames, Counting()).at(torch.ones(1, 1, 1, 1))
    assert set(sizes) == {(8, 12, 3)}
    assert ahead.shape == (1, 2, 16, 24) and torch.allclose(ahead[:, 0], torch.tensor(6.0))


@pytest.mark.parametrize(("height", "width"), [(24, 32), (19, 27), (3, 5)])
def test_any_size_and_instant(engine: Interpolator, height: int, width: int) -> None:
    window = engine.prepare(make_frames(height, width, 2))
    assert window.nbytes > 0
    for time in (0.0, 0.3, torch.tensor([0.5, 1.0]).view(2, 1, 1, 1)):
        made = window.render(time)
        assert made.image.shape == (2, 3, height, width) and made.image.isfinite().all()
        assert made.fields is not None and made.fields.flow_t0.shape == (2, 2, height, width)
        assert made.fields.share0.min() >= 0 and made.fields.share0.max() <= 1


def test_maps_of_instants_are_refused(engine: Interpolator) -> None:
    window = engine.prepare(make_frames(8, 8))
    with pytest.raises(TimingError, match="not a map"):
        window.render(torch.full((1, 1, 8, 8), 0.5))


def test_fields_follow_the_motion() -> None:
    """A pan of one pixel a frame: half-way, the earlier frame lies half a pixel to one side, the later to the other."""
    register_flow("panning", lambda *_: Panning())
    network = Dbvi(1)
    from retempo.models.dbvi import adapt

    fields = adapt(network, "dbvi:8x", flow="panning").prepare(make_frames(16, 24)).render(0.5).fields
    inner = (slice(None), slice(None), slice(2, -2), slice(3, -3))
    assert fields is not None
    assert torch.allclose(fields.flow_t0[inner][:, 0], torch.tensor(-0.5))
    assert torch.allclose(fields.flow_t1[inner][:, 0], torch.tensor(0.5))
    assert torch.allclose(fields.share0[inner], torch.tensor(0.5))


class Panning:
    """Says of every pair after another that all moved one pixel; frames are told apart by nothing, so by order."""

    name = "panning"

    def __init__(self) -> None:
        self.calls = 0

    def estimate(self, image0: np.ndarray, image1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        flow = np.zeros((*image0.shape[:2], 2), np.float32)
        flow[..., 0] = -1.0 if self.calls % 3 == 0 else 1.0  # the first question goes back in time
        self.calls += 1
        return flow, -flow


def test_the_name_says_whose_motion(engine: Interpolator) -> None:
    assert engine.name == "dbvi:8x,flow=dis:fine,untrained=3"
    assert parse_engine("dbvi:2x,flow=dis:fast;stride=2").options == {"flow": "dis:fast;stride=2"}


@pytest.mark.parametrize("flow", ["dis+dis:coarse", "vectors", "nonsense", "dis:nonsense"])
def test_what_is_no_single_estimator_is_refused(flow: str) -> None:
    with pytest.raises(UsageError, match="flow"):
        parse_engine(f"dbvi,flow={flow}")


def test_estimators_without_weights_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="raft-large"):
        motion.find_estimator("raft", "cpu")


def test_every_stage_counts_by_its_share() -> None:
    truth = torch.zeros(1, 3, 4, 4)
    made = [torch.full_like(truth, value) for value in (1.0, -2.0, 3.0, 4.0)]
    assert weigh(made, truth, SHARES["8x"]).item() == pytest.approx(0.2 * 1 + 0.4 * 2 + 3 + 4)
    with pytest.raises(ValueError, match="argument 2"):
        weigh(made, truth, SHARES["2x"])


def test_the_loss_reaches_every_weight_that_a_fresh_network_uses() -> None:
    torch.manual_seed(0)
    network = Dbvi(4)
    with torch.no_grad():  # heads of 0 let nothing through
        for name, one in network.named_parameters():
            if ".toRGB." in name or ".toFlow." in name:
                one.add_(0.1 * torch.randn_like(one))
    frames = tuple(make_frames(16, 16))
    batch = Batch(frames, frames[1], torch.full((1, 1, 1, 1), 0.5))
    loss = make_objective("8x")(network, batch)
    loss.backward()
    assert loss.ndim == 0 and loss.item() > 0
    without = {name for name, one in network.named_parameters() if one.grad is None}
    # nothing comes after the last stage's motion
    assert without == {name for name in without if name.startswith("subNet_3.toFlow.")} and without

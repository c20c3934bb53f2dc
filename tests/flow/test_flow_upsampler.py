"""Does flow that was searched small come back at full size, whoever searched it?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test_flow_neural import pictures  # noqa: E402

from retempo.errors import InputError, UsageError, WeightsError  # noqa: E402
from retempo.flow.base import Hypothesis  # noqa: E402
from retempo.flow.catalog import parse_flow  # noqa: E402
from retempo.flow.dis import DisFlow  # noqa: E402
from retempo.flow.neural.files import save_network, save_refiner  # noqa: E402
from retempo.flow.neural.network import FlowRefiner  # noqa: E402
from retempo.flow.scale import stretch_flow  # noqa: E402
from retempo.flow.upsampler.estimator import KIND, GuidedFlow  # noqa: E402
from retempo.flow.upsampler.network import FlowUpsampler, sizes  # noqa: E402
from retempo.render.options import synthesis_options  # noqa: E402
from retempo.render.quality import pin_weights  # noqa: E402
from retempo.render.settings import RetimeSettings  # noqa: E402


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "untrained.safetensors"
    save_network(FlowUpsampler(), path, KIND, {})
    return path


@pytest.mark.parametrize(
    ("small", "full", "expected"),
    [
        ((45, 60), (90, 121), [(90, 121)]),
        ((23, 31), (90, 121), [(45, 61), (90, 121)]),
        ((90, 121), (90, 121), []),
        ((1, 1), (1, 3), [(1, 2), (1, 3)]),
        ((30, 40), (100, 100), [(50, 50), (100, 100)]),
    ],
)
def test_sizes_on_the_way(
    small: tuple[int, int], full: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    assert sizes(*small, *full) == expected


def test_untrained_weights_grow_bilinearly(untrained: Path) -> None:
    one, other = pictures(96, 128)
    grown = GuidedFlow(DisFlow(), scale=0.5, weights=untrained).estimate(one, other)
    expected = DisFlow(working_scale=0.5).estimate(one, other)
    for flow, plain in zip(grown, expected, strict=True):
        assert flow.shape == (96, 128, 2) and flow.flags.c_contiguous
        assert (
            np.abs(flow - plain).mean() < 1e-3
        )  # grey of shrunken colours rounds otherwise than shrunken grey


class Sure:
    """Says the same of any pair, and how sure it is."""

    name, hypotheses = "sure", 2

    def hypothesize(self, image0: np.ndarray, image1: np.ndarray) -> tuple[Hypothesis, ...]:
        height, width = image0.shape[:2]
        flow = np.full((height, width, 2), 2.0, np.float32)
        return (
            Hypothesis(flow, -flow, np.full((height, width), 0.5, np.float32), None),
            Hypothesis(flow, flow),
        )

    def estimate(self, image0: np.ndarray, image1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.hypothesize(image0, image1)[0][:2]


def test_behind_any_estimator(untrained: Path) -> None:
    one, other = pictures(61, 83)
    guided = GuidedFlow(Sure(), size=21, weights=untrained)
    assert guided.hypotheses == 2 and guided.name.startswith("sure,size=21,grow=guided,grower=")
    first, second = guided.hypothesize(one, other)
    small = (round(61 * 21 / 83), 21)
    np.testing.assert_allclose(first.flow01[30, 40], [2 * 83 / small[1], 2 * 61 / small[0]], rtol=1e-4)
    assert first.trust01 is not None and first.trust01.shape == (61, 83) and np.allclose(first.trust01, 0.5)
    assert first.trust10 is None and second.flow10.shape == (61, 83, 2)
    tiny = GuidedFlow(Sure(), size=400, weights=untrained).hypothesize(one, other)[0]
    assert np.array_equal(tiny.flow01, stretch_flow(tiny.flow01, 61, 83)), (
        "smaller than the working size: as it is"
    )


def test_inverses_stay_where_one_opinion_is_grown(untrained: Path) -> None:
    """Only an estimator of several opinions has looked at the inverse of its flow itself."""
    settings = RetimeSettings()
    assert synthesis_options(settings, [GuidedFlow(DisFlow(), scale=0.5, weights=untrained)]).inverses
    assert not synthesis_options(settings, [GuidedFlow(Sure(), scale=0.5, weights=untrained)]).inverses
    assert synthesis_options(settings, [DisFlow(), Sure()]).inverses


def test_what_is_wrong_is_said(untrained: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to grow"):
        GuidedFlow(DisFlow(), weights=untrained)
    save_refiner(FlowRefiner(), tmp_path / "refiner.safetensors")
    with pytest.raises(InputError, match="flow refiner"):
        GuidedFlow(DisFlow(), scale=0.5, weights=tmp_path / "refiner.safetensors")


def test_how_it_is_asked_for(untrained: Path) -> None:
    (guided,) = parse_flow(f"dis:fine,scale=0.5,grow=guided,grower={untrained}")
    assert isinstance(guided, GuidedFlow) and guided.name.startswith("dis:fine,scale=0.5,grow=guided,")
    (guided,) = parse_flow(f"dis,grow=guided,grower={untrained}", working_scale=0.25, threads=1)
    assert guided.name.startswith("dis:balanced,scale=0.25,grow=guided,")
    assert [one.name for one in parse_flow("dis,scale=0.5,grow=linear")] == ["dis:balanced,scale=0.5"]
    with pytest.raises(UsageError, match="grow=cubic is no way"):
        parse_flow("dis,scale=0.5,grow=cubic")
    with pytest.raises(UsageError, match="nothing to grow"):
        parse_flow(f"dis,grow=guided,grower={untrained}")


def test_other_weights_of_the_same_name_are_noticed(untrained: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_bytes(untrained.read_bytes())
    pinned = pin_weights(f"dis,scale=0.5,grow=guided,grower={path}")
    assert (
        pinned.startswith(f"dis,scale=0.5,grow=guided,grower={path},grown=") and pin_weights(pinned) == pinned
    )
    assert len(parse_flow(pinned)) == 1
    torch.manual_seed(3)
    save_network(FlowUpsampler(), path, KIND, {})
    assert pin_weights(f"dis,scale=0.5,grow=guided,grower={path}") != pinned
    with pytest.raises(WeightsError, match="others are here"):
        parse_flow(pinned)
    with pytest.raises(WeightsError, match="is not there"):
        pin_weights("dis,scale=0.5,grow=guided,grower=/nowhere")

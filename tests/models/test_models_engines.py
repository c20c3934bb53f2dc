"""Does every engine keep what the protocol promises: shapes, limits, batches, devices, tiles, seeds, and no network?"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from retempo.errors import InputError, TimingError, UsageError, WeightsError
from retempo.models.base import Capabilities, Interpolator, PreparedWindow
from retempo.models.engine import Engine
from retempo.models.registry import ENGINES, describe_engines, find_engine, load_engine, parse_engine
from retempo.models.tiles import Tiled, cut

torch = pytest.importorskip("torch", reason="engines have networks")

NETWORKS = tuple(name for name in ENGINES if name != "splatsyn")
VARIANTS = [f"{name}:{variant.name}" for name in ENGINES for variant in find_engine(name).variants]
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")],
    ),
]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may ask the world for anything."""

    def refuse(*arguments: object) -> None:
        raise AssertionError(f"an engine opened a connection: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


@pytest.fixture(autouse=True, scope="module")
def no_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty folder of weights: every network starts from chance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETEMPO_WEIGHTS", str(tmp_path_factory.mktemp("weights")))
        yield


LOADED: dict[tuple[str, str], Interpolator] = {}


def load(name: str, device: str = "cpu") -> Interpolator:
    """Each engine once."""
    if (name, device) not in LOADED:
        LOADED[name, device] = load_engine(name, device=device, allow_untrained=True)
    return LOADED[name, device]


def frames(
    engine: Interpolator, height: int = 32, width: int = 40, batch: int = 1, device: str = "cpu"
) -> list[Any]:
    """A window of waves that move."""
    y, x = torch.meshgrid(torch.arange(height) * 1.0, torch.arange(width) * 1.0, indexing="ij")
    made = []
    for number in range(engine.capabilities.frames):
        rows = [
            torch.stack(
                [
                    torch.sin((x - 3 * number - one) / (3 + c)) + torch.cos((y + number) / (4 + c))
                    for c in range(3)
                ]
            )
            for one in range(batch)
        ]
        made.append((torch.stack(rows) * 0.22 + 0.5).to(device))
    return made


def test_every_name_is_a_folder_and_says_who_it_is() -> None:
    for name in ENGINES:
        engine = find_engine(name)
        assert isinstance(engine, Engine) and engine.name == name
        assert engine.title and engine.paper and engine.variants
        assert engine.capabilities.frames in (2, 4) and engine.capabilities.multiple >= 1
    listed = describe_engines()
    assert [one["name"] for one in listed] == VARIANTS
    for one in listed:
        assert {"name", "parameters", "capabilities", "weights"} <= one.keys()
        assert one["weights"]["found"] is (one["parameters"] == 0)
        assert set(one["capabilities"]) == set(vars(Capabilities(any_time=True)))


def test_introductions_need_no_torch() -> None:
    code = (
        "import sys; from retempo.models.registry import *; [find_engine(name) for name in ENGINES]; "
        "assert 'torch' not in sys.modules, 'torch'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", VARIANTS)
def test_the_network_has_the_parameters_that_are_stated(name: str) -> None:
    choice = parse_engine(name)
    with torch.device("meta"):
        network = choice.engine.build(choice.variant.name)
    assert sum(one.numel() for one in network.parameters() if one.requires_grad) == choice.variant.parameters


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ENGINES)
def test_pictures_come_back_as_they_went_in(name: str, device: str) -> None:
    engine = load(name, device)
    assert isinstance(engine, Interpolator) and engine.capabilities == find_engine(name).capabilities
    for height, width, batch in ((32, 40, 2), (37, 51, 1)):
        images = frames(engine, height, width, batch, device)
        kept = [image.clone() for image in images]
        window = engine.prepare(images)
        assert isinstance(window, PreparedWindow) and window.nbytes > 0
        made = window.render(0.5)
        assert made.image.shape == images[0].shape and made.image.device.type == device
        assert made.image.dtype == torch.float32 and bool(made.image.isfinite().all())
        assert all(torch.equal(*both) for both in zip(images, kept, strict=True)), "inputs are left alone"
        assert (made.fields is not None) is engine.capabilities.fields
        if made.fields is not None:
            there, back, share = made.fields
            assert there.shape == back.shape == (batch, 2, height, width) and share.shape == (
                batch,
                1,
                height,
                width,
            )
            assert bool(
                (share >= 0).all() and (share <= 1).all() and there.isfinite().all() and back.isfinite().all()
            )


@pytest.mark.parametrize("name", ENGINES)
def test_a_batch_is_its_pictures_one_by_one(name: str) -> None:
    engine = load(name)
    images = frames(engine, batch=2)
    both = engine.prepare(images).render(0.5).image
    for index in (0, 1):
        alone = engine.prepare([image[index : index + 1] for image in images]).render(0.5).image
        torch.testing.assert_close(both[index : index + 1], alone, atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize("name", ENGINES)
def test_limits_are_kept(name: str) -> None:
    engine = load(name)
    able, images = engine.capabilities, frames(engine)
    window = engine.prepare(images)
    shape = images[0].shape[-2:]
    if able.any_time:
        for time in (0.0, 0.25, 1.0):
            assert bool(window.render(time).image.isfinite().all())
    else:
        for time in (0.0, 0.25, 1.0):
            with pytest.raises(TimingError, match="halfway"):
                window.render(time)
    for time in (-0.25, 1.25, float("nan")):
        with pytest.raises(TimingError):
            window.render(time)
    ramp = torch.linspace(0, 1, shape[1]).expand(1, 1, *shape)
    if able.index_map:
        even = window.render(torch.full((1, 1, *shape), 0.5)).image
        torch.testing.assert_close(even, window.render(0.5).image, atol=1e-4, rtol=1e-3)
        assert not torch.allclose(window.render(ramp).image, even, atol=1e-3)
    else:
        with pytest.raises((TimingError, InputError, UsageError)):
            window.render(ramp)
    with pytest.raises(InputError, match=f"takes {able.frames}"):
        engine.prepare(images[:-1])
    with pytest.raises(InputError):
        engine.prepare([*images[:-1], images[-1][..., :-1]])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_seed_makes_a_network(name: str) -> None:
    small = frames(load(name), 32, 32)
    made = [
        load_engine(name, allow_untrained=True, seed=7).prepare(small).render(0.5).image for _ in range(2)
    ]
    assert torch.equal(*made)
    assert load_engine(name, allow_untrained=True, seed=7).name.endswith("untrained=7")


@pytest.mark.parametrize("name", NETWORKS)
def test_without_weights_it_refuses_and_says_where_they_are(name: str) -> None:
    with pytest.raises(WeightsError) as caught:
        load_engine(name)
    said = str(caught.value)
    assert "no weights here" in said and f"retempo train --engine {name}" in said
    published = next(one for one in describe_engines() if one["name"].startswith(f"{name}:"))["weights"][
        "published"
    ]
    for one in published:
        assert one["page"] in said and one["licence"] in said and "weights add" in said


TILEABLE = [name for name in ENGINES if find_engine(name).capabilities.halo is not None]


@pytest.mark.parametrize("name", ENGINES)
def test_tiles_give_what_the_whole_gives_or_are_refused(name: str) -> None:
    engine = load(name)
    if name not in TILEABLE:
        with pytest.raises(UsageError, match="whole pictures"):
            Tiled(engine, 64)
        return
    halo = engine.capabilities.halo
    assert halo is not None
    tile = (halo + 60) // 4 * 4  # two tiles, neither of which sees all
    images = frames(engine, 4, 2 * tile)
    whole = engine.prepare(images).render(0.5)
    tiled = Tiled(engine, tile).prepare(images).render(0.5)
    torch.testing.assert_close(tiled.image, whole.image, atol=2e-5, rtol=1e-4)


def test_tiles_cover_everything_once() -> None:
    for length, tile, halo, multiple in ((100, 30, 10, 8), (64, 64, 8, 4), (5, 100, 3, 16)):
        spans = cut(length, tile, halo, multiple)
        assert [n for span in spans for n in range(span.start, span.stop)] == list(range(length))
        for span in spans:
            assert span.low % multiple == 0 and span.low <= max(0, span.start - halo)
            assert span.high == min(length, span.stop + halo)


def test_tiles_of_an_engine_that_looks_around() -> None:
    """A toy whose pixels depend on two neighbours to either side and on the place within four."""

    class Toy:
        name, capabilities = "toy", Capabilities(any_time=True, multiple=4, halo=2, index_map=True)

        def prepare(self, images: Any) -> Any:
            return Window(images)

    class Window:
        nbytes = 0

        def __init__(self, images: Any) -> None:
            self.images = images

        def render(self, time: Any) -> Any:
            from retempo.models.base import Made, as_time

            mixed = torch.lerp(self.images[0], self.images[1], as_time(time, self.images[0]))
            wide = torch.nn.functional.avg_pool2d(mixed, 5, 1, 2, count_include_pad=False)
            place = (torch.arange(wide.shape[3]) % 4).to(wide)
            return Made(wide + 0.1 * place)

    images = [torch.rand(1, 3, 33, 47, generator=torch.Generator().manual_seed(n)) for n in (1, 2)]
    for time in (0.3, torch.rand(1, 1, 33, 47)):
        whole = Toy().prepare(images).render(time).image
        torch.testing.assert_close(Tiled(Toy(), 10).prepare(images).render(time).image, whole)
    whole = Toy().prepare(images).render(0.3).image
    Toy.capabilities = replace(Toy.capabilities, halo=0)
    assert not torch.allclose(Tiled(Toy(), 10).prepare(images).render(0.3).image, whole), (
        "a halo too small shows"
    )

"""Which samples are small enough to look at in a moment?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")

from retempo.train.procedural import Procedural  # noqa: E402
from retempo.train.samples import Samples  # noqa: E402


@pytest.fixture(scope="session")
def painted() -> tuple[Samples, tuple[torch.Tensor, torch.Tensor]]:
    """Four painted scenes of 64 pixels, and their exact motion."""
    return Procedural(layers=3, fastest=10.0, workers=2).draw_exact(4, 64, torch.Generator().manual_seed(5))


@pytest.fixture(scope="session")
def samples(painted: tuple[Samples, tuple[torch.Tensor, torch.Tensor]]) -> Samples:
    return painted[0]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures this small are slower on several threads, above all on a machine that does something else, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

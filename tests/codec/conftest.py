"""Which small clip do the codec's tests use, on how many threads?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from small_codec import paint  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def frames() -> Sequence[np.ndarray]:
    return paint(11)

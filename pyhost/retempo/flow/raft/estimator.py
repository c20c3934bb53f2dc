"""RAFT as an estimator: which settings has it, and what does it want pictures to be like?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from torch import Tensor

from retempo.errors import UsageError
from retempo.flow.raft.network import Raft
from retempo.flow.raft.sizes import LEAST, SIZES, STRIDE
from retempo.flow.trained import TrainedFlow, check_range

ITERATIONS: Final = 12
MEMORY: Final = 1024
"""MiB; see ``RaftFlow``."""


class RaftFlow(TrainedFlow):
    """RAFT, both directions.

    Args:
        size: ``large`` or ``small``.
        state: weights under the names of ``Raft``; see ``checkpoint.convert``.
        digest: what the weights are recognised by, a part of ``name``.
        iterations: steps of the recurrent unit, 1 to 100; fewer are faster, beyond 20 little changes.
        memory: MiB that a level of the correlation pyramid may take; larger ones are made on the fly, which is slower.
            The same result up to rounding.
        context: working resolution, device and precision; see ``TrainedFlow``.

    Raises:
        UsageError: a setting out of its range.
    """

    def __init__(
        self,
        size: str,
        state: Mapping[str, Any],
        digest: str,
        *,
        iterations: int = ITERATIONS,
        memory: int = MEMORY,
        **context: Any,
    ) -> None:
        if size not in SIZES:
            raise UsageError(f"raft has no preset {size!r}", f"choose from {', '.join(SIZES)}")
        check_range("raft", "iterations", iterations, 1, 100)
        check_range("raft", "memory", memory, 0, 1 << 20)
        self.iterations = iterations
        self.limit = memory << 20
        network = Raft(size)
        network.load_state_dict(dict(state), strict=True)
        settings = [f"iterations={iterations}", *[f"memory={memory}"] * (memory != MEMORY)]
        super().__init__(f"raft:{size}", settings, network, digest, stride=STRIDE, least=LEAST, **context)

    def run(self, image0: Tensor, image1: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self._network(2 * image0 - 1, 2 * image1 - 1, self.iterations, self.limit)
        return first, second

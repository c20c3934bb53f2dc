"""NeuFlow v2 as an estimator: which settings has it, and under which names do its weights come?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from retempo.flow.neuflow.network import LEAST, STRIDE, NeuFlow
from retempo.flow.trained import TrainedFlow, check_range, fit_state

ITERATIONS: Final = 8
MEMORY: Final = 1024
"""MiB; see ``NeuFlowFlow``."""


class NeuFlowFlow(TrainedFlow):
    """NeuFlow v2, both directions.

    Args:
        state: weights under the names of ``NeuFlow``; see ``convert``.
        digest: what the weights are recognised by, a part of ``name``.
        iterations: refinements at an eighth of the size, 1 to 100; the published network makes 8.
        memory: MiB that a table of correlations may take; larger ones are made on the fly, which is slower.
        context: working resolution, device and precision; see ``TrainedFlow``.

    Raises:
        UsageError: a setting out of its range.
    """

    def __init__(
        self,
        state: Mapping[str, Any],
        digest: str,
        *,
        iterations: int = ITERATIONS,
        memory: int = MEMORY,
        **context: Any,
    ) -> None:
        check_range("neuflow", "iterations", iterations, 1, 100)
        check_range("neuflow", "memory", memory, 0, 1 << 20)
        self.iterations = iterations
        self.limit = memory << 20
        network = NeuFlow()
        network.load_state_dict(dict(state), strict=True)
        settings = [f"iterations={iterations}", *[f"memory={memory}"] * (memory != MEMORY)]
        super().__init__("neuflow", settings, network, digest, stride=STRIDE, least=LEAST, **context)

    def run(self, image0: Tensor, image1: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self._network(image0, image1, fine=self.iterations, limit=self.limit)
        return first, second


def convert(state: Mapping[str, Any], size: str = "") -> dict[str, Any]:
    """See that published tensors fit the network; they have our names but for ``module.``.

    Raises:
        InputError: a name is missing or unknown, a shape is another, a value is not finite.
    """
    with torch.device("meta"):  # names and shapes alone
        wanted = NeuFlow().state_dict()
    return fit_state({name.removeprefix("module."): one for name, one in state.items()}, wanted, "neuflow")

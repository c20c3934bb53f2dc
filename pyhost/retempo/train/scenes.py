"""How do painted scenes become an engine's batches, without end and with their exact motion?"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from retempo.models.base import Capabilities
from retempo.models.engine import Batch
from retempo.models.indexing import find_distance
from retempo.train.procedural import Procedural, draw, move
from retempo.train.variation import vary


class Scenes:
    """Painted scenes; see ``BatchSource``. The motion from the truth to both frames comes with them.

    Args:
        able: of the engine.
        index: instants are maps of how far each pixel of the earlier frame has come.
        layers, fastest: as in ``Procedural``.
    """

    def __init__(
        self, able: Capabilities, *, index: bool = False, layers: int = 4, fastest: float = 40.0
    ) -> None:
        self._able, self._index = able, index
        self._painter = Procedural(layers, fastest)

    def draw(self, count: int, crop: int, names: Sequence[str], generator: torch.Generator) -> Batch:
        """Samples that are all varied in the same way: each is another scene anyway."""
        scene = self._painter.compose(count, crop, generator)
        time = torch.full((count,), 0.5)
        if self._able.any_time:
            time = 0.1 + 0.8 * torch.rand(count, generator=generator)
        zero, one = torch.zeros(count), torch.ones(count)
        first = 1 - self._able.frames // 2
        frames = [draw(scene, zero + first + at, crop) for at in range(self._able.frames)]
        truth, shown = draw(scene, time, crop)
        flows = move(scene, shown, time, zero, crop), move(scene, shown, time, one, crop)
        instant = time.view(-1, 1, 1, 1)
        if self._index:
            seen = frames[-first][1]
            part, whole = (move(scene, seen, zero, until, crop) for until in (time, one))
            instant = find_distance(part, whole, instant)
        return vary(Batch(tuple(picture for picture, _ in frames), truth, instant, flows), names, generator)

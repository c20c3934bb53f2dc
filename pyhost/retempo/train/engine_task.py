"""How is an engine of the registry trained, on its own objective?"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from retempo.errors import OutputError
from retempo.flow.base import FlowEstimator
from retempo.models.engine import Batch
from retempo.models.registry import Choice
from retempo.train.indices import add_flows, add_index
from retempo.train.losses import psnr
from retempo.train.windows import BatchSource


class EngineTask:
    """An engine's network; see ``Task``. The next batch is made while the network learns from this one.

    Args:
        choice: engine, variant and options.
        data: what it learns from. held_out: what it is judged by.
        batch, crop: samples a step, and their side in pixels, a multiple of the engine's.
        vary: changes by chance (``train.variation``).
        limit: held-out samples.
        device: a torch device.
        index: whose motion tells how far each pixel has come, in place of the time; None: the time.
        teacher: whose motion the batches hold where the data do not know it; None: nobody's.
        seed: of the first weights and the held-out samples.
    """

    def __init__(
        self,
        choice: Choice,
        data: BatchSource,
        held_out: BatchSource,
        *,
        batch: int,
        crop: int,
        vary: Sequence[str] = (),
        limit: int = 16,
        device: str = "cpu",
        index: FlowEstimator | None = None,
        teacher: FlowEstimator | None = None,
        seed: int = 0,
    ) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.module = choice.engine.build(choice.variant.name).to(device)
        self._choice, self._data, self._device = choice, data, device
        self._objective = choice.engine.objective(choice.variant.name, **choice.taught)
        self._batch, self._crop, self._vary = batch, crop, tuple(vary)
        self._index, self._teacher = index, teacher
        self._ahead = ThreadPoolExecutor(1)
        self._coming: Future[Batch] | None = None
        generator = torch.Generator().manual_seed(seed)
        counts = [min(batch, limit - done) for done in range(0, limit, batch)]
        self._held_out = [self._tell(held_out.draw(count, crop, (), generator)) for count in counts]

    def loss(self, generator: torch.Generator) -> Tensor:
        """The engine's objective on a fresh batch."""
        coming = self._coming or self._send_for(generator)
        self._coming = self._send_for(generator)
        self.module.train()
        return self._objective(self.module, move_to(coming.result(), self._device))

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def validate(self) -> dict[str, float]:
        """Of the held-out samples: PSNR of what the engine makes (dB, mean), and its objective (mean over batches).

        The engine is given a copy of the network, as it may change what it is given.
        """
        network = copy.deepcopy(self.module)
        engine = self._choice.engine.adapt(network, self._choice.name, **self._choice.options)
        self.module.train()
        found, losses = [], []
        for batch in (move_to(one, self._device) for one in self._held_out):
            made = engine.prepare(batch.frames).render(batch.time)
            found.append(psnr(made.image, batch.truth))
            losses.append(float(self._objective(self.module, batch)) * len(batch.truth))
        judged = torch.cat(found)
        return {"validation": float(judged.mean()), "validation_loss": sum(losses) / len(judged)}

    def save(self, path: Path, facts: Mapping[str, str]) -> None:
        """Write the network under its own names: what ``retempo weights add`` takes."""
        state = {name: one.detach().cpu().contiguous() for name, one in self.module.state_dict().items()}
        beside = path.with_name(f".{path.name}.part")
        try:
            save_file(state, beside, metadata={"retempo.engine": self._choice.name, **facts})
            beside.replace(path)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error}", "make room and train on") from error

    def _send_for(self, generator: torch.Generator) -> Future[Batch]:
        seed = int(torch.randint(2**62, (), generator=generator))
        return self._ahead.submit(self._draw, seed)

    def _draw(self, seed: int) -> Batch:
        own = torch.Generator().manual_seed(seed)
        return self._tell(self._data.draw(self._batch, self._crop, self._vary, own))

    def _tell(self, batch: Batch) -> Batch:
        """What the engine is told of motion."""
        if self._teacher is not None:
            batch = add_flows(batch, self._teacher)
        return batch if self._index is None else add_index(batch, self._index)


def move_to(batch: Batch, device: str) -> Batch:
    """The batch on a device."""
    flows = None if batch.flows is None else (batch.flows[0].to(device), batch.flows[1].to(device))
    frames = tuple(frame.to(device) for frame in batch.frames)
    return Batch(frames, batch.truth.to(device), batch.time.to(device), flows)

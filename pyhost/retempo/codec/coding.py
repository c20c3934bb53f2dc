"""How do whole numbers become bytes, and bytes the same numbers? Range coding with stored tables.

The coder is `constriction`'s: integers inside, the same words on every machine. Its tables are given as
multiples of
2^-16, which single precision holds exactly. Symbols are coded table by table, so that each needs one call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retempo.codec.exact import SECOND_LIMIT, ExactScales
from retempo.codec.tables import TOTAL, Tables
from retempo.errors import InputError, WeightsError

LIMIT = 1 << 15
"""Latents are clipped to -LIMIT..LIMIT - 1 before they are coded."""
_BROKEN = "decode it with the weights that encoded it, or encode it again"


def constriction() -> Any:
    """The package.

    Raises:
        WeightsError: it is not installed.
    """
    try:
        import constriction as package
    except ImportError as error:
        raise WeightsError(
            "the codec's range coder is not installed", "pip install 'retempo[codec]'"
        ) from error
    return package


@dataclass
class PriorCoder:
    """Codes the latents of one prior.

    Attributes:
        main: tables of channels, or with a hyperprior of the levels of scale.
        second: tables of the second latents' channels. scales: what computes levels. Both None without a
            hyperprior.
    """

    main: Tables
    second: Tables | None = None
    scales: ExactScales | None = None
    _models: dict[int, list[Any]] = field(default_factory=dict, repr=False)

    def encode(self, latent: NDArray[np.int64], second: NDArray[np.int64] | None = None) -> bytes:
        """Bytes of latents [M, h, w], and with a hyperprior of second latents [W, h/2, w/2].

        Raises:
            WeightsError: the range coder is not installed.
        """
        encoder = constriction().stream.queue.RangeEncoder()
        latent = np.clip(latent, -LIMIT, LIMIT - 1)
        if self.second is None:
            self._write(encoder, self.main, latent, _channels(latent.shape))
        else:
            assert second is not None and self.scales is not None
            second = np.clip(second, -SECOND_LIMIT, SECOND_LIMIT)
            self._write(encoder, self.second, second, _channels(second.shape))
            self._write(
                encoder,
                self.main,
                latent,
                self.scales.levels(second)[:, : latent.shape[1], : latent.shape[2]],
            )
        return encoder.get_compressed().astype("<u4").tobytes()

    def decode(self, data: bytes, shape: tuple[int, int, int]) -> NDArray[np.int64]:
        """Latents of a shape [M, h, w].

        Raises:
            InputError: the bytes are of something else. WeightsError: the range coder is not installed.
        """
        if len(data) % 4:
            raise InputError(f"a frame's latents take {len(data)} bytes, not whole words", _BROKEN)
        decoder = constriction().stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))
        try:
            if self.second is None:
                return self._read(decoder, self.main, _channels(shape))
            assert self.scales is not None
            half = (len(self.second), shape[1] // 2, shape[2] // 2)
            second = self._read(decoder, self.second, _channels(half))
            return self._read(decoder, self.main, self.scales.levels(second)[:, : shape[1], : shape[2]])
        except (AssertionError, ValueError) as error:
            raise InputError(f"a frame's latents cannot be decoded: {error}", _BROKEN) from error

    def estimate(self, latent: NDArray[np.int64], second: NDArray[np.int64] | None = None) -> float:
        """Bits by the tables, without coding."""
        parts = [(self.main, latent, _channels(latent.shape))]
        if self.second is not None:
            assert second is not None and self.scales is not None
            levels = self.scales.levels(np.clip(second, -SECOND_LIMIT, SECOND_LIMIT))
            parts = [(self.second, second, _channels(second.shape)), (self.main, latent, levels)]
        return sum(
            tables.cost(int(one), values[of == one]) for tables, values, of in parts for one in np.unique(of)
        )

    def _write(self, encoder: Any, tables: Tables, values: NDArray[np.int64], of: NDArray[np.int64]) -> None:
        """Symbols, table by table in increasing order, then what escaped."""
        models, escaped = self._built(tables), []
        for table in np.unique(of):
            chosen = values[of == table]
            symbols = tables.symbols(int(table), chosen)
            encoder.encode(symbols, models[table])
            escaped.append(chosen[symbols == len(tables.counts[table]) - 1])
        rest = np.concatenate(escaped)
        if rest.size:
            encoder.encode((rest + LIMIT).astype(np.int32), constriction().stream.model.Uniform(2 * LIMIT))

    def _read(self, decoder: Any, tables: Tables, of: NDArray[np.int64]) -> NDArray[np.int64]:
        models, found = self._built(tables), np.zeros(of.shape, np.int64)
        escaped = np.zeros(of.shape, bool)
        order = []
        for table in np.unique(of):
            inside = of == table
            symbols = decoder.decode(models[table], int(inside.sum())).astype(np.int64)
            found[inside] = symbols + tables.offsets[table]
            escaped[inside] = symbols == len(tables.counts[table]) - 1
            order.append(np.flatnonzero(escaped & inside))
        places = np.concatenate(order)
        if places.size:
            uniform = constriction().stream.model.Uniform(2 * LIMIT)
            found.ravel()[places] = decoder.decode(uniform, places.size).astype(np.int64) - LIMIT
        return found

    def _built(self, tables: Tables) -> list[Any]:
        key = id(tables)
        if key not in self._models:
            categorical = constriction().stream.model.Categorical
            self._models[key] = [
                categorical((one / TOTAL).astype(np.float32), perfect=False) for one in tables.counts
            ]
        return self._models[key]


def _channels(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The channel of each place of [C, h, w]."""
    return np.broadcast_to(np.arange(shape[0])[:, None, None], shape)

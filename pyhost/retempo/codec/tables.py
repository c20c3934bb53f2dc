"""How likely is each latent, in whole numbers? Tables that encoder and decoder hold alike, on any machine.

Floats differ between processors in their last digits, and one digit in a likelihood is enough for a range
decoder to
lose its way. So the densities are evaluated once, when weights are saved; what codes are the stored counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from retempo.codec.priors import LEVELS, SMALLEST, STEP, Factorised
from retempo.errors import InputError

PRECISION: Final = 16
"""Counts of a table sum to 2 to this."""
TOTAL: Final = 1 << PRECISION
_TAIL: Final = 2.0**-15
"""Mass left to the escape at each end."""
_REACH: Final = 1024
"""Values looked at, to both sides of 0."""


@dataclass(frozen=True)
class Tables:
    """Tables of counts; the last symbol of each is the escape, after which a value follows as it is.

    Attributes:
        counts: a [length] int64 array each, all >= 1, sum 2^16. offsets: the value of symbol 0 of each.
    """

    counts: tuple[NDArray[np.int64], ...]
    offsets: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.counts)

    def symbols(self, table: int, values: NDArray[np.int64]) -> NDArray[np.int32]:
        """Symbols of values; the escape for what the table does not hold."""
        escape = len(self.counts[table]) - 1
        found = values - self.offsets[table]
        return np.where((found < 0) | (found >= escape), escape, found).astype(np.int32)

    def cost(self, table: int, values: NDArray[np.int64]) -> float:
        """Bits of values, escapes with 16 bits more."""
        symbols = self.symbols(table, values)
        escapes = int((symbols == len(self.counts[table]) - 1).sum())
        return float(PRECISION * symbols.size - np.log2(self.counts[table][symbols]).sum() + 16 * escapes)

    def pack(self, prefix: str) -> dict[str, NDArray[np.int32]]:
        """As arrays for a file."""
        return {
            f"{prefix}.counts": np.concatenate(self.counts).astype(np.int32),
            f"{prefix}.lengths": np.array([len(one) for one in self.counts], np.int32),
            f"{prefix}.offsets": np.array(self.offsets, np.int32),
        }

    @classmethod
    def unpack(cls, arrays: Mapping[str, NDArray[np.int32]], prefix: str, tables: int) -> Tables:
        """Read what ``pack`` made.

        Raises:
            InputError: it is not ``tables`` whole tables.
        """
        try:
            counts, lengths, offsets = (
                arrays[f"{prefix}.{name}"].astype(np.int64) for name in ("counts", "lengths", "offsets")
            )
        except KeyError as error:
            raise InputError(f"the weights hold no tables {error}", "train them again") from error
        if (
            lengths.shape != (tables,) or offsets.shape != (tables,) or counts.ndim != 1
            or lengths.min() < 2 or lengths.sum() != counts.size or counts.min() < 1
        ):  # fmt: skip
            raise InputError(f"the weights' tables {prefix} do not fit the network", "train them again")
        parts = tuple(np.split(counts, np.cumsum(lengths)[:-1]))
        if any(int(part.sum()) != TOTAL for part in parts):
            raise InputError(f"the weights' tables {prefix} do not sum to {TOTAL}", "train them again")
        return cls(parts, tuple(int(one) for one in offsets))


def count(masses: Sequence[float] | NDArray[np.float64]) -> NDArray[np.int64]:
    """Whole numbers in proportion to masses, each at least 1, that sum to 2^16.

    What rounding down leaves goes to the largest fractions; what the ones take comes from the largest counts.
    """
    given = np.maximum(np.asarray(masses, np.float64), 0)
    shares = given / given.sum() * TOTAL
    found = np.maximum(np.floor(shares), 1).astype(np.int64)
    left = TOTAL - int(found.sum())
    if left > 0:
        found[np.argsort(found - shares, kind="stable")[:left]] += 1
    for index in np.argsort(-found, kind="stable") if left < 0 else ():
        taken = min(-left, int(found[index]) - 1)
        found[index] -= taken
        left += taken
    return found


def tabulate(lows: NDArray[np.float64], start: int) -> tuple[NDArray[np.int64], int]:
    """A table from a cumulative density.

    Args:
        lows: share of the mass below start - 1/2, start + 1/2, ..., increasing.
        start: the value whose lower edge is first.

    Returns:
        counts with the escape last, and the value of symbol 0.
    """
    masses = np.diff(lows)
    first = min(int(np.searchsorted(lows[1:], _TAIL, side="right")), len(masses) - 1)
    last = max(first, int(np.searchsorted(lows[1:], 1 - _TAIL, side="left")))
    kept = masses[first : last + 1]
    escape = max(1 - float(kept.sum()), 1.0 / TOTAL)
    return count([*kept, escape]), start + first


@torch.no_grad()  # type: ignore[untyped-decorator]
def tabulate_factorised(density: Factorised) -> Tables:
    """A table a channel, from -1024 to 1024 where it has mass."""
    edges = torch.arange(-_REACH, _REACH + 2, dtype=torch.float64) - 0.5
    double = Factorised(density.channels).double()
    double.load_state_dict(density.state_dict())
    logits = double.logits(edges.expand(density.channels, 1, -1))
    lows = torch.sigmoid(logits)[:, 0].cpu().numpy()
    found = [tabulate(row, -_REACH) for row in lows]
    return Tables(tuple(counts for counts, _ in found), tuple(offset for _, offset in found))


def tabulate_gaussians() -> Tables:
    """A table a level of scale."""
    found = []
    for level in range(LEVELS):
        scale = SMALLEST * math.exp(STEP * level)
        reach = math.ceil(5 * scale) + 1
        edges = [(value - 0.5) / scale for value in range(-reach, reach + 2)]
        lows = np.array([0.5 * math.erfc(-edge / math.sqrt(2)) for edge in edges])
        found.append(tabulate(lows, -reach))
    return Tables(tuple(counts for counts, _ in found), tuple(offset for _, offset in found))

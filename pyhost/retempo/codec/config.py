"""Which parts does a codec network have, and how wide are they?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from retempo.errors import InputError, UsageError

PRIORS: Final = ("factorised", "hyperprior")
KINDS: Final = ("joint", "sequential")
STRIDE: Final = 32
"""Pixels a latent, both ways: five blocks of stride 2."""
FARTHEST: Final = 5
"""Frames from a target to its references at the most."""


@dataclass(frozen=True)
class CodecConfig:
    """One network.

    Attributes:
        width: channels inside (N), 1 to 512. latent: channels that travel (M), 1 to 512.
        references: decoded frames that a target is made of, 2 to 4.
        prior: what knows how likely latents are: ``factorised``, or ``hyperprior`` (scales that travel, too).
        residual: a second latent of what the first left wrong (ICCV 2019).
        kind: ``joint`` (the method), or ``sequential``: motion coded by its own loss, then compensated (a
            baseline).
    """

    width: int = 32
    latent: int = 32
    references: int = 2
    prior: str = "factorised"
    residual: bool = False
    kind: str = "joint"

    def __post_init__(self) -> None:
        numbers = (self.width, self.latent, self.references)
        if any(type(one) is not int for one in numbers) or type(self.residual) is not bool:
            raise UsageError(f"a codec network's numbers are {numbers}", "they are whole numbers")
        if not (1 <= self.width <= 512 and 1 <= self.latent <= 512 and 2 <= self.references <= 4):
            raise UsageError(
                f"a network of width {self.width}, {self.latent} latents and {self.references} references",
                "width and latents are 1 to 512, references 2 to 4",
            )
        if self.prior not in PRIORS or self.kind not in KINDS:
            raise UsageError(
                f"a codec network with prior {self.prior!r} of kind {self.kind!r}",
                f"priors are {', '.join(PRIORS)}; kinds {', '.join(KINDS)}",
            )

    @property
    def multiple(self) -> int:
        """Sides of a padded picture are multiples of this: 32, or 64 with a hyperprior."""
        return STRIDE * (2 if self.prior == "hyperprior" else 1)

    def as_dict(self) -> dict[str, Any]:
        """For a header."""
        return asdict(self)

    @classmethod
    def parse(cls, found: Any, where: str) -> CodecConfig:
        """Read what ``as_dict`` made.

        Raises:
            InputError: it names something else, or a value is out of range.
        """
        known = {one.name for one in fields(cls)}
        if not isinstance(found, Mapping) or set(found) != known:
            raise InputError(f"{where}: a network's description names other fields", "train it again")
        try:
            return cls(**found)
        except (UsageError, TypeError) as error:
            raise InputError(f"{where}: {error}", "train it again") from error


SMALL: Final = CodecConfig()
"""What `retempo codec train` trains unless told otherwise: 32 channels, 32 latents; a CPU can."""
PUBLISHED: Final = CodecConfig(width=128, latent=192, prior="hyperprior")
"""About what papers of 2018 and 2019 use; wants a GPU."""
SIZES: Final = {"small": SMALL, "published": PUBLISHED}

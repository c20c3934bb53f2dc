"""How much may clients ask for? What `retempo serve` takes as options; the protocol's own bounds are never exceeded."""

from __future__ import annotations

from dataclasses import dataclass

from retempo.errors import UsageError
from retempo.server.protocol import LARGEST_PAYLOAD, LARGEST_SIDE, MOST_PENDING

LARGEST_OBJECT = 64 << 30
MOST_CONNECTIONS = 256
SMALLEST_MESSAGE = 4096


@dataclass(frozen=True)
class Limits:
    """Of one server.

    Attributes:
        connections: at the same time, 1 to 4096; a further one is closed at once.
        message: bytes of a payload, 4096 to 1 MiB; a longer one ends its connection.
        side: pixels of a frame's or a result's width and height, 1 to 32768; more is refused.
        requests: pending of a connection, 1 to 64; a further one is refused.
        memory: bytes of one shared memory object, 1 MiB to 64 GiB; a larger one is refused.

    Raises:
        UsageError: one is out of its range.
    """

    connections: int = MOST_CONNECTIONS
    message: int = LARGEST_PAYLOAD
    side: int = LARGEST_SIDE
    requests: int = MOST_PENDING
    memory: int = LARGEST_OBJECT

    def __post_init__(self) -> None:
        ranges = {
            "connections": (1, 4096), "message": (SMALLEST_MESSAGE, LARGEST_PAYLOAD), "side": (1, LARGEST_SIDE),
            "requests": (1, MOST_PENDING), "memory": (1 << 20, LARGEST_OBJECT),
        }  # fmt: skip
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise UsageError(f"--max-{name} is {value}", f"choose from {least} to {most}")


DEFAULTS = Limits()

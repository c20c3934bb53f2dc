"""What is worth keeping, and for how long? Frames and prepared pairs by content, least recently used out first.

One limit in bytes rules them all. Entries share memory (a prepared pair holds the pixels of its frames), so an entry
is a set of *parts*; a part counts once, as long as any entry holds it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

Parts = Mapping[Hashable, int]
"""Identity of a piece of memory -> its bytes."""


@dataclass
class _Entry:
    value: Any
    parts: Parts


class ContentCache:
    """A thread-safe LRU cache with a limit in bytes.

    Args:
        limit: an entry that alone is larger is not kept; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._holders: dict[Hashable, int] = {}
        self._bytes: dict[Hashable, int] = {}
        self._used = 0
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """Bytes of all parts held; never above the limit once ``put`` has returned."""
        return self._used

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Any:
        """The value, now the most recently used; None when it is not there."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry.value

    def put(self, key: Hashable, value: Any, parts: Parts) -> Any:
        """Keep a value; returns the one to use: an entry that is there already stays."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
                return entry.value
            if sum(parts.values()) > self.limit:
                return value
            self._entries[key] = _Entry(value, dict(parts))
            for part, nbytes in parts.items():
                self._hold(part, nbytes)
            while self._used > self.limit:
                self._drop(next(iter(self._entries)))
            return value

    def clear(self) -> int:
        """Forget everything; returns the bytes that were held."""
        with self._lock:
            held = self._used
            for key in list(self._entries):
                self._drop(key)
            return held

    def _hold(self, part: Hashable, nbytes: int) -> None:
        count = self._holders.get(part, 0)
        self._holders[part] = count + 1
        if not count:
            self._bytes[part] = nbytes
            self._used += nbytes

    def _drop(self, key: Hashable) -> None:
        for part in self._entries.pop(key).parts:
            self._holders[part] -= 1
            if not self._holders[part]:
                del self._holders[part]
                self._used -= self._bytes.pop(part)

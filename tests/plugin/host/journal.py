"""What did the plugin do wrong, and what did it do that is merely worth knowing?

A *violation* breaks a rule of the API; a *note* is legal and of interest (a probe for a property that this
host does not offer, a suite asked for and refused). Both are kept in the order in which they happened.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One thing that happened: ``rule`` is a short fixed name, ``where`` the object or action, ``text`` the case."""

    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"[{self.rule}] {self.where}: {self.text}"


class OfxViolation(AssertionError):
    """Raised in strict mode at the end of an action that broke a rule; ``entries`` says which."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        super().__init__("\n".join(str(entry) for entry in self.entries))


class Journal:
    """Violations and notes, appended from any thread."""

    def __init__(self) -> None:
        self.violations: list[Entry] = []
        self.notes: list[Entry] = []
        self._lock = threading.Lock()

    def violate(self, rule: str, where: str, text: str) -> None:
        """Record a broken rule."""
        with self._lock:
            self.violations.append(Entry(rule, where, text))

    def note(self, rule: str, where: str, text: str) -> None:
        """Record something legal; the same thing is kept once."""
        entry = Entry(rule, where, text)
        with self._lock:
            if entry not in self.notes:
                self.notes.append(entry)

    def rules(self) -> list[str]:
        """The broken rules' names, in order."""
        return [entry.rule for entry in self.violations]

    def take(self) -> list[Entry]:
        """The violations so far; they are forgotten."""
        with self._lock:
            taken, self.violations[:] = list(self.violations), []
        return taken

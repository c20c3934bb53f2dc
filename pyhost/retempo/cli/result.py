"""What does a command give back? A Result: data for ``--json``, text for people, and an exit code."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Result:
    """Outcome of a command.

    Args:
        data: JSON-ready facts; printed when ``--json`` is given.
        text: a string, or anything that ``rich`` can print, for people; None prints nothing.
        exit_code: 0 for success; see ``retempo.errors`` for the others.
    """

    data: dict[str, Any] | list[Any] = field(default_factory=dict)
    text: Any = None
    exit_code: int = 0

    def show(self, as_json: bool) -> None:
        """Print to standard output, as JSON or for people."""
        if as_json:
            print(json.dumps(self.data, indent=2, default=str))
        elif isinstance(self.text, str):
            print(self.text)
        elif self.text is not None:
            from rich.console import Console

            console = Console()
            if not sys.stdout.isatty():
                console = Console(width=140)
            console.print(self.text)

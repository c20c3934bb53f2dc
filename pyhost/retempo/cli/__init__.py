"""How does a person at a terminal, or a script, ask for frames? One file a command."""

from __future__ import annotations

from retempo.cli.main import main, program

__all__ = ["main", "program"]

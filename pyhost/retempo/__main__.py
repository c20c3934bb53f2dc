"""What does ``python -m retempo`` do? The same as the ``retempo`` command."""

from __future__ import annotations

from retempo.cli import program

program()

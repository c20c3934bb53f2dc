"""What does OpenImageIO say went wrong? In words that can be shown, whatever bytes of a damaged file they quote."""

from __future__ import annotations

from typing import Any


def last_problem(source: Any) -> str:
    """The pending error of an image input, an output, or the library; "" where there is none.

    Args:
        source: what has ``geterror``. Reading the error clears it.
    """
    try:
        return str(source.geterror()).strip()
    except UnicodeDecodeError:  # a message that quotes names from a damaged header
        return "its header holds names that are no text"

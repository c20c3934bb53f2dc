"""How does a CUDA source become one that a C++ compiler reads? Its launches become loops, nothing else changes."""

from __future__ import annotations

import re

ONE_THREAD = ("sort_long_lists",)
"""Kernels that wait for each other's threads; they are launched with one thread a block."""


def split_arguments(text: str) -> list[str]:
    """Split at the commas outside of any bracket."""
    parts, depth, start = [], 0, 0
    for i, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


def closing(text: str, opening: int) -> int:
    """Position of the bracket that closes the one at ``opening``."""
    depth = 0
    for i in range(opening, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    raise ValueError("a launch without an end")


def translate(source: str) -> str:
    """Turn ``kernel<<<grid, block, shared, stream>>>(arguments)`` into a call of ``emulation::launch``."""
    while found := re.search(r"(\w+)\s*<<<", source):
        end = source.index(">>>", found.end())
        grid, block = split_arguments(source[found.end() : end])[:2]
        opening = source.index("(", end)
        close = closing(source, opening)
        kernel = found.group(1)
        block = "1" if kernel in ONE_THREAD else block
        call = f"emulation::launch({grid}, {block}, [&] {{ {kernel}{source[opening : close + 1]}; }})"
        source = source[: found.start()] + call + source[close + 1 :]
    return source

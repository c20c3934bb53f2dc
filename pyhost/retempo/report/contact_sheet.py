"""How do many frames become one picture with names under them?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retempo.errors import UsageError
from retempo.report.lettering import CELL_HEIGHT, draw_text, shorten, text_size
from retempo.report.picture import as_picture, fit_picture

PAPER = (24, 24, 26)
INK = (225, 225, 225)


def make_sheet(
    pictures: Sequence[np.ndarray],
    labels: Sequence[str] = (),
    *,
    columns: int | None = None,
    tile_width: int = 320,
    title: str = "",
    gap: int = 6,
    scale: int = 1,
) -> np.ndarray:
    """A labelled grid, filled row by row.

    Args:
        pictures: at least one; each anything that ``as_picture`` takes. Sizes may differ: each is scaled to
            fit its tile, whose shape is that of the first, and centred.
        labels: one line a picture, written below it and shortened to fit; may be empty.
        columns: None makes the sheet about as wide as high.
        tile_width: pixels.
        title: one line on top.
        gap: pixels between tiles and around.
        scale: of the letters.

    Returns:
        [H, W, 3] uint8.

    Raises:
        UsageError: no pictures, or another number of labels.
    """
    if not pictures:
        raise UsageError("a contact sheet needs at least one picture")
    if labels and len(labels) != len(pictures):
        raise UsageError(
            f"{len(pictures)} pictures have {len(labels)} labels", "give one label a picture, or none"
        )
    tiles = [as_picture(picture) for picture in pictures]
    if any(tile.size == 0 for tile in tiles):
        raise UsageError("a contact sheet cannot hold a picture without pixels")
    height, width = tiles[0].shape[:2]
    tile_height = max(1, round(tile_width * height / width))
    across = columns or max(1, round(math.sqrt(len(tiles) * tile_height / tile_width)))
    across = min(max(1, across), len(tiles))
    down = -(-len(tiles) // across)
    line = (CELL_HEIGHT + 3) * scale
    below = line if labels else 0
    above = line + gap + 3 * scale if title else 0
    sheet_size = (above + down * (tile_height + below + gap) + gap, across * (tile_width + gap) + gap, 3)
    sheet = np.empty(sheet_size, np.uint8)
    sheet[...] = PAPER
    if title:
        draw_text(
            sheet, shorten(title, sheet.shape[1] - 2 * gap, scale), gap, gap + scale, scale=scale, color=INK
        )
    for index, tile in enumerate(tiles):
        y = above + gap + (index // across) * (tile_height + below + gap)
        x = gap + (index % across) * (tile_width + gap)
        _place(sheet, tile, x, y, tile_width, tile_height)
        if labels:
            text = shorten(labels[index], tile_width, scale)
            start = x + (tile_width - text_size(text, scale)[0]) // 2
            draw_text(sheet, text, start, y + tile_height + 3 * scale, scale=scale, color=INK)
    return sheet


def _place(sheet: np.ndarray, tile: np.ndarray, x: int, y: int, width: int, height: int) -> None:
    factor = min(width / tile.shape[1], height / tile.shape[0])
    w = max(1, min(width, round(tile.shape[1] * factor)))
    h = max(1, min(height, round(tile.shape[0] * factor)))
    left, top = x + (width - w) // 2, y + (height - h) // 2
    sheet[top : top + h, left : left + w] = fit_picture(tile, w, h)

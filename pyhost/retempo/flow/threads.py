"""How many threads may OpenCV and PyTorch use? Their pools are the whole process's: the program's matter."""

from __future__ import annotations

import sys

import cv2


def set_threads(count: int) -> None:
    """Limit OpenCV's pool, and PyTorch's where that is loaded, process-wide; DIS gives the same bits for any number.

    Args:
        count: threads, >= 1.
    """
    cv2.setNumThreads(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)

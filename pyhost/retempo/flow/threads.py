"""How many threads may OpenCV use? Its one pool is the whole process's, so this is for programs, not for libraries."""

from __future__ import annotations

import cv2


def set_threads(count: int) -> None:
    """Limit OpenCV's pool, process-wide; has no effect on the bits of any flow.

    Args:
        count: threads, >= 1.
    """
    cv2.setNumThreads(count)

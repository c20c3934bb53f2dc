"""How is one OCIO processor applied to an array: exactly, in parallel, or not at all?

Rows are cut into blocks that a few threads work through. Every pixel is computed on its own, so the bits
do not depend on the number of threads (tested).
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PyOpenColorIO as ocio

from retempo.color.alpha import transform_premultiplied
from retempo.color.config import OCIO_ERRORS
from retempo.color.nonfinite import FloatImage, clean_in_place
from retempo.errors import ColorError, UsageError

BLOCK_PIXELS = 1 << 16
MOST_THREADS = 8


class Transform:
    """A processor made ready for ``[H, W, 3|4]`` float32 arrays. Thread-safe; holds no pixels.

    Args:
        processor: what to apply.
        what: names it in errors.
        exact: True keeps to OCIO's lossless optimisations (for pixels that are delivered); False allows its
            fast log, exp and pow, good to about 1e-5 (for flow estimation and previews).
    """

    def __init__(self, processor: ocio.Processor, what: str, *, exact: bool = True) -> None:
        flags = ocio.OPTIMIZATION_LOSSLESS if exact else ocio.OPTIMIZATION_DEFAULT
        self.what = what
        self._exact = exact
        self._cpu = processor.getOptimizedCPUProcessor(flags)
        self.is_noop = bool(processor.isNoOp() or self._cpu.isNoOp())
        self.is_linear = self.is_noop or _is_plain_matrix(processor)

    def apply(self, pixels: FloatImage, *, threads: int = 0) -> FloatImage:
        """Transform pixels.

        A no-op returns the very same array, untouched. Otherwise a new array comes back, finite whatever
        went in (see ``nonfinite``), with alpha premultiplied as before (see ``alpha``).

        Args:
            pixels: [H, W, 3|4] float32; with four channels the last is alpha and colour is premultiplied.
            threads: 0 chooses.

        Raises:
            UsageError: wrong shape or type.
        """
        check_pixels(pixels)
        if self.is_noop or pixels.size == 0:
            return pixels
        out = np.array(pixels, dtype=np.float32, order="C", copy=True)
        rows = max(1, BLOCK_PIXELS // out.shape[1])
        blocks = [out[y : y + rows] for y in range(0, out.shape[0], rows)]
        workers = min(len(blocks), threads or min(MOST_THREADS, len(os.sched_getaffinity(0))))
        if workers <= 1:
            for block in blocks:
                self._apply_block(block)
        else:
            with ThreadPoolExecutor(workers, thread_name_prefix="retempo-color") as pool:
                list(pool.map(self._apply_block, blocks))
        return out

    def _apply_block(self, block: FloatImage) -> None:
        clean_in_place(block)
        if block.shape[2] == 4 and not self.is_linear:
            transform_premultiplied(block, self._run)
        else:
            self._run(block)
        clean_in_place(block)

    def _run(self, block: FloatImage) -> None:
        height, width, channels = block.shape
        try:
            self._cpu.apply(ocio.PackedImageDesc(block, width, height, channels))
        except OCIO_ERRORS as error:
            raise ColorError(f"OCIO failed to apply {self.what}: {error}") from error


def check_pixels(pixels: object) -> None:
    """UsageError unless ``pixels`` is an [H, W, 3|4] float32 array."""
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        came = getattr(pixels, "shape", type(pixels).__name__)
        raise UsageError(
            f"colour wants pixels as [H, W, 3 or 4], got {came}", "pass only the R, G, B(, A) channels"
        )
    if pixels.dtype != np.float32:
        raise UsageError(f"colour wants float32 pixels, got {pixels.dtype}", "convert them first")


def _is_plain_matrix(processor: ocio.Processor) -> bool:
    """True when the processor boils down to matrices without offsets that leave alpha alone."""
    group = processor.getOptimizedProcessor(ocio.OPTIMIZATION_LOSSLESS).createGroupTransform()
    for part in group:
        if not isinstance(part, ocio.MatrixTransform):
            return False
        matrix = np.array(part.getMatrix()).reshape(4, 4)
        offset = np.array(part.getOffset())
        if np.any(offset) or np.any(matrix[3, :3]) or np.any(matrix[:3, 3]) or matrix[3, 3] != 1.0:
            return False
    return True

"""What does ffmpeg's minterpolate make of every second frame, and which of its outputs is which frame?"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from footage import to_rgb
from peer import Rgb, Shot

OPTIONS: Final = "mi_mode=mci:mc_mode=aobmc:me_mode=bidir:vsbmc=1:scd=none"


def find_ffmpeg() -> str:
    """Return ffmpeg: ``$RETEMPO_FFMPEG``, else that of the PATH, else the one that imageio-ffmpeg brings."""
    found = os.environ.get("RETEMPO_FFMPEG") or shutil.which("ffmpeg")
    if found:
        return found
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def ffmpeg_version(ffmpeg: str) -> str:
    """Return the first line that ffmpeg says about itself."""
    return subprocess.run(
        [ffmpeg, "-version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]


def double_rate(
    frames: Sequence[av.VideoFrame], fps: Fraction, options: str = OPTIONS
) -> dict[int, av.VideoFrame]:
    """Feed frames at ``fps`` / 2 and return what comes out at ``fps``.

    Args:
        frames: the even frames 0, 2, 4, ... of a clip, all of one size and pixel format; they go in as they were
            decoded (no trip through RGB).
        fps: rate of the whole clip.

    Returns:
        {frame number: frame}, the numbers from the time stamps that the filter wrote: what went in as the n-th frame
        is number 2n.

    Raises:
        RuntimeError: ffmpeg failed, or an even output is not the frame that went in (so the numbers would be wrong).
    """
    pixel_format = frames[0].format.name
    size = f"{frames[0].width}x{frames[0].height}"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out.nut"
        command = [find_ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin"]
        command += [
            "-f",
            "rawvideo",
            "-pix_fmt",
            pixel_format,
            "-s",
            size,
            "-r",
            str(fps / 2),
            "-i",
            "pipe:0",
        ]
        command += ["-vf", f"minterpolate=fps={fps}:{options}", "-fps_mode", "passthrough"]
        command += ["-c:v", "rawvideo", "-pix_fmt", pixel_format, "-f", "nut", str(target)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdin is not None and process.stderr is not None
            feeder = threading.Thread(target=_feed, args=(process.stdin, frames), daemon=True)
            feeder.start()
            complaint = process.stderr.read().decode(errors="replace")
            feeder.join()
        if process.returncode:
            raise RuntimeError(f"ffmpeg failed ({process.returncode}): {complaint.strip()}")
        result = {}
        with av.open(str(target)) as container:
            for frame in container.decode(video=0):
                time = Fraction(frame.pts) * Fraction(frame.time_base)
                result[round(time * fps)] = frame
    _check_even(result, frames)
    return result


def _feed(pipe: object, frames: Sequence[av.VideoFrame]) -> None:
    try:
        for frame in frames:
            pipe.write(frame.to_ndarray().tobytes())  # type: ignore[attr-defined]
    except BrokenPipeError:
        pass  # ffmpeg's own message and exit status say why
    finally:
        pipe.close()  # type: ignore[attr-defined]


def _check_even(made: dict[int, av.VideoFrame], frames: Sequence[av.VideoFrame]) -> None:
    """Outputs at whole input times are inputs: that proves the numbering."""
    even = [number for number in made if number % 2 == 0 and number // 2 < len(frames)]
    if not even:
        raise RuntimeError("minterpolate returned no frame at an input's time")
    for number in even:
        if not np.array_equal(made[number].to_ndarray(), frames[number // 2].to_ndarray()):
            raise RuntimeError(
                f"minterpolate's output {number} is not input {number // 2}: the time stamps are off"
            )


class Minterpolate:
    """ffmpeg's minterpolate; gets the frames as they were decoded, at half the rate."""

    name = "minterpolate"

    @property
    def setup(self) -> str:
        """Options and version."""
        return f"{OPTIONS}, {ffmpeg_version(find_ffmpeg())}"

    def missing(self) -> str:
        """Is there an ffmpeg?"""
        try:
            find_ffmpeg()
        except ImportError:
            return "no ffmpeg in PATH; install one, or pip install imageio-ffmpeg"
        return ""

    def rebuild(self, shot: Shot) -> dict[int, Rgb]:
        """Make the wanted frames, and prove that numbering and colours are those of the truth."""
        made = double_rate(shot.frames[::2], shot.fps)
        absent = [number for number in shot.wanted if number not in made]
        if absent:
            raise RuntimeError(f"{shot.name}: minterpolate did not return frames {absent}")
        if not np.array_equal(to_rgb(made[0], shot.frames[0], shot.chroma), shot.rgb(0)):
            raise RuntimeError(
                f"{shot.name}: minterpolate's frames are converted to other colours than the truth"
            )
        return {number: to_rgb(made[number], shot.frames[number], shot.chroma) for number in shot.wanted}

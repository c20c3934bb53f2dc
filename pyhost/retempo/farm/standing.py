"""What of a job is done? Read from the output files alone: their stamps, and whether they are whole.

Logs and schedulers may be gone, or wrong; a frame with the stamp of this job's settings and source files is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from retempo.errors import RetempoError
from retempo.farm.job import Job
from retempo.farm.shot import list_frames
from retempo.io import checksum
from retempo.io.sequence import open_source
from retempo.io.target import Target
from retempo.render.steps import Step, is_done


@dataclass(frozen=True)
class Standing:
    """Output frames by what there is of them, ascending.

    Args:
        done: whole, and made with these settings from these files.
        missing: there is no file.
        otherwise: there is a file, but it is broken or was made otherwise; it will be replaced.
        times: when the files of ``done`` were finished, seconds since the epoch, ascending.
    """

    done: tuple[int, ...]
    missing: tuple[int, ...]
    otherwise: tuple[int, ...]
    times: tuple[float, ...]

    @property
    def total(self) -> int:
        """All frames of the job."""
        return len(self.done) + len(self.missing) + len(self.otherwise)

    @property
    def is_complete(self) -> bool:
        """Is every frame done?"""
        return len(self.done) == self.total

    def rate(self, since: float, until: float) -> float | None:
        """Frames a second, from the first one finished ``since`` then ``until`` then; None where nobody can say."""
        made = [time for time in self.times if since <= time <= until]
        return (len(made) - 1) / (until - made[0]) if len(made) > 1 and until > made[0] else None


def look(job: Job) -> Standing:
    """Look at every output file's header and end.

    Raises:
        RetempoError: the job's source is not as it was, so nobody can say what is done.
    """
    return sort(*list_frames(job))


def unfinished(job: Job) -> list[int]:
    """Indices of the chunks that lack frames, ascending; errors as of ``look``."""
    done = set(look(job).done)
    return [index for index in range(len(job.chunks)) if not done.issuperset(job.chunk(index))]


Known = dict[Path, tuple[int, int, bool]]
"""Files that were looked at: time of change in nanoseconds, size, and whether they are done."""


def sort(target: Target, steps: Sequence[Step], known: Known | None = None) -> Standing:
    """The frames of these steps by what there is of them.

    Args:
        target, steps: as of ``list_frames``.
        known: what earlier looks found, for whoever looks often; files that have not changed since are not opened
            again. It is brought up to date.
    """
    done, missing, otherwise, times = [], [], [], []
    known = {} if known is None else known
    for step in steps:
        number, path = step.entry.output, target.path(step.entry.output)
        try:
            state = path.stat()
        except OSError:
            missing.append(number)
            continue
        seen = state.st_mtime_ns, state.st_size
        if known.get(path, (0, 0))[:2] != seen:  # a movie's frames are one file, looked at once
            known[path] = (*seen, is_done(step, target))
        if known[path][2]:
            done.append(number)
            times.append(state.st_mtime)
        else:
            otherwise.append(number)
    return Standing(tuple(done), tuple(missing), tuple(otherwise), tuple(sorted(times)))


def verify(job: Job) -> tuple[Standing, dict[int, str]]:
    """``look``, and read every byte of what seems done; what has changed since is removed, to be made again.

    Returns:
        how the job stands after that, and why frames were removed.
    """
    target, steps = list_frames(job)
    seemed = sort(target, steps)
    broken: dict[int, str] = {}
    for path in dict.fromkeys(target.path(number) for number in seemed.done):
        reason = undecodable(path)
        if reason:
            broken |= {number: reason for number in seemed.done if target.path(number) == path}
            path.unlink(missing_ok=True)
    return (sort(target, steps) if broken else seemed), broken


def undecodable(path: Path) -> str:
    """Why the pictures of a file are not those that were written, or cannot all be read; '' where all is well.

    By the file's checksum; one without is decoded.
    """
    try:
        if checksum.is_sealed(path):
            return checksum.changed_reason(path) or ""
        source = open_source(path)
        for number in source.frames:
            source.read(number)
        source.close()
    except RetempoError as error:
        return error.message
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    return ""

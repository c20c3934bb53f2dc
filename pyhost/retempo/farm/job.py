"""What is a job, and how is it kept? One JSON file that every task, every backend and ``retempo status`` read.

It says what was asked for, with everything automatic settled; what is *done* it does not say: that is read from the
output files, which cannot disagree with themselves.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from retempo.errors import InputError, OutputError, UsageError
from retempo.io.formats import is_movie
from retempo.io.pattern import parse_range
from retempo.io.temporary import prepare_folder, publish, temporary_for
from retempo.render.flags import settings_from
from retempo.render.settings import RetimeSettings

FILE = "job.json"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Needs(BaseModel):
    """What one task asks of a machine.

    Args:
        cores: processors; computing threads, too. memory: bytes; 0 where nobody can say. gpus: graphics cards.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    cores: Annotated[int, Field(ge=1, le=4096)] = 1
    memory: Annotated[int, Field(ge=0)] = 0
    gpus: Annotated[int, Field(ge=0, le=64)] = 0


class Job(BaseModel):
    """A shot to be retimed in chunks; immutable, and checked when it is made or read.

    Args:
        kind, version: of the file.
        program: version of Retempo that wrote it.
        name: for people and schedulers; letters, digits, ``.``, ``_``, ``-``.
        created: UTC, ISO 8601.
        source, output: absolute pattern or movie. frames: source frames, as a range.
        settings: by name, those that differ from their defaults.
        environment: variables that decide pixels, for every task.
        outputs: all frames to be made, as a range.
        chunks: ranges that cover ``outputs``, each output in one of them.
        gap: outputs of a gap between source frames at most, before it is parted (``retime.gaps``).
        needs: of a task. retries: how often a failed task is started again.
        review: does the report that follows the tasks make a page, too?
        backend: name of the scheduler. options: its own, by name.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: Literal["retempo job"] = "retempo job"
    version: Literal[1] = 1
    program: str
    name: Annotated[str, Field(pattern=_NAME, max_length=64)]
    created: str
    source: str
    output: str
    frames: str
    settings: dict[str, Any] = Field(default_factory=dict)
    environment: dict[str, str] = Field(default_factory=dict)
    outputs: str
    chunks: Annotated[tuple[str, ...], Field(min_length=1)]
    gap: Annotated[int, Field(ge=1)]
    needs: Needs = Needs()
    retries: Annotated[int, Field(ge=0, le=100)] = 2
    review: bool = False
    backend: str
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("source", "output")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not Path(value).is_absolute():
            raise ValueError("it is not an absolute path")
        return value

    @field_validator("frames", "outputs", "chunks")
    @classmethod
    def _ranges(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for one in (value,) if isinstance(value, str) else value:
            _numbers(one)
        return value

    @field_validator("settings")
    @classmethod
    def _known(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            _settings_of(value)
        except (UsageError, TypeError) as error:
            raise ValueError(str(error)) from error
        return value

    def model_post_init(self, context: Any) -> None:
        """See that the chunks are a partition of the outputs."""
        numbers = [number for one in self.chunks for number in _numbers(one)]
        if sorted(numbers) != list(self.numbers):
            raise ValueError("the chunks do not make every output once")
        starts = [self.chunk(index)[0] for index in range(len(self.chunks))]
        if starts != sorted(starts):
            raise ValueError("the chunks are not in the order of their first outputs")

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """All output frames, ascending."""
        return _numbers(self.outputs)

    def chunk(self, index: int) -> tuple[int, ...]:
        """Output frames of a chunk, counted from 0."""
        return _numbers(self.chunks[index])

    def part(self, index: int) -> str:
        """What ``--part`` makes a chunk of: one interval, from its first output to the next chunk's first."""
        first = self.chunk(index)[0]
        last = self.chunk(index + 1)[0] - 1 if index + 1 < len(self.chunks) else self.numbers[-1]
        return f"{first}-{last}"

    @cached_property
    def render_settings(self) -> RetimeSettings:
        """The settings that every task sees."""
        return _settings_of(self.settings)

    @property
    def is_movie(self) -> bool:
        """Is the result one file? Then it is one task, too."""
        return is_movie(self.output)


def save_job(job: Job, folder: Path) -> Path:
    """Write ``FOLDER/job.json``, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    return write_text(folder / FILE, job.model_dump_json(indent=2, exclude_defaults=False) + "\n")


def load_job(folder: Path) -> Job:
    """Read the job of a folder, or of its ``job.json``.

    Raises:
        InputError: there is none, or it is broken, or of another version; naming the field.
    """
    path = folder if folder.is_file() else folder / FILE
    try:
        return Job.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"there is no job at {path}: {error.strerror}", "name the folder given to submit as --job-dir"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in first["loc"]) or "the file"
        raise InputError(
            f"{path} is no job of this version: {where}: {first['msg']}",
            "submit again; `retempo retime ... --resume` with the same settings keeps what is done",
        ) from error


def write_text(path: Path, text: str) -> Path:
    """``write_bytes`` in UTF-8."""
    return write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> Path:
    """Write a small file of a job's folder by renaming it into place.

    Raises:
        OutputError: it cannot be written.
    """
    prepare_folder(path.parent)
    temporary = temporary_for(path)
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"{path} cannot be written: {error.strerror}", "check space and permissions"
        ) from error
    publish(temporary, path)
    return path


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return parse_range(text)
    except UsageError as error:
        raise ValueError(str(error)) from error


def _settings_of(values: dict[str, Any]) -> RetimeSettings:
    unknown = set(values) - set(RetimeSettings.__dataclass_fields__)
    if unknown:
        raise ValueError(f"there is no setting {sorted(unknown)[0]}")
    settings: RetimeSettings = settings_from(values)
    return settings

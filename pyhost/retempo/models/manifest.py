"""Which weights were published, by whom, under which licence, and how is a file recognised?

``packaging/weights/manifest.toml`` in a checkout, ``retempo/weights_data`` in an installed package.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from retempo.errors import InputError, UsageError

FILE_NAME = "manifest.toml"


@dataclass(frozen=True)
class Published:
    """A file as its authors publish it.

    Attributes:
        file: its name there.
        by, trained_on, licence: who made it, from what, under which terms (SPDX).
        page: where they tell of it.
        url: of the file itself, https; "" where it comes in an archive or has no fixed place.
        sha256, size: of the file, bytes; "" and 0 where not known.
    """

    file: str
    by: str
    trained_on: str
    licence: str
    page: str
    url: str = ""
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True)
class Entry:
    """One place in the weights folder.

    Attributes:
        name: under which it is fetched, added and found.
        what, network, paper: for people.
        parameters: trainable numbers.
        files: that fit, the one to fetch first.
        flow: what --flow calls the network; "" for other networks.
        engine: what --engine calls it, with its variant (``film:style``); "" likewise.
    """

    name: str
    what: str
    network: str
    paper: str
    parameters: int
    files: tuple[Published, ...]
    flow: str = ""
    engine: str = ""

    @property
    def flag(self) -> str:
        """How the network is asked for."""
        return f"--engine {self.engine}" if self.engine else f"--flow {self.flow}"

    @property
    def to_fetch(self) -> Published | None:
        """The first file that has a url."""
        return next((one for one in self.files if one.url), None)

    def recognise(self, sha256: str) -> Published | None:
        """The published file with this hash."""
        return next((one for one in self.files if one.sha256 == sha256), None)


def manifest_path() -> Path:
    """The shipped manifest.

    Raises:
        InputError: the installation lacks it.
    """
    package = Path(__file__).resolve().parents[1]
    places = (package / "weights_data" / FILE_NAME, package.parents[1] / "packaging" / "weights" / FILE_NAME)
    for place in places:
        if place.is_file():
            return place
    raise InputError(f"{FILE_NAME} of the weights is missing from the installation", "install Retempo again")


def read_manifest(path: Path | None = None) -> tuple[Entry, ...]:
    """All entries, in the manifest's order.

    Raises:
        InputError: the manifest is missing, is no TOML, or lacks or misnames a key.
    """
    return _read(path or manifest_path())


def find_entry(name: str) -> Entry:
    """The entry of this name.

    Raises:
        UsageError: there is none.
    """
    entries = {entry.name: entry for entry in read_manifest()}
    if name not in entries:
        raise UsageError(f"no weights are called {name!r}", f"choose from {', '.join(entries)}")
    return entries[name]


@lru_cache(4)
def _read(path: Path) -> tuple[Entry, ...]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))["weights"]
        return tuple(_entry(one) for one in found)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is no manifest of weights: {error}", "install Retempo again") from error


def _entry(table: dict[str, Any]) -> Entry:
    files = tuple(_typed(Published, one) for one in table["files"])
    return _typed(Entry, {**table, "files": files})


def _typed(kind: Any, table: dict[str, Any]) -> Any:
    """``kind(**table)`` whose values have the types that the manifest should give them."""
    made = kind(**table)
    for one in fields(kind):
        wanted = {"str": str, "int": int}.get(str(one.type), tuple)
        if not isinstance(getattr(made, one.name), wanted):
            raise TypeError(f"{one.name} is {getattr(made, one.name)!r}")
    return made

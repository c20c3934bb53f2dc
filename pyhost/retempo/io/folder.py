"""How does a folder of files that belong together appear under its name only when it is whole?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from retempo.errors import OutputError
from retempo.io import temporary


def check_folder(folder: Path, overwrite: bool, holds: Iterable[str]) -> None:
    """See before any work that a folder can be made, and that nothing is lost by replacing it.

    Args:
        folder: to come. overwrite: may it be there? holds: the only names that a folder to be replaced may hold.

    Raises:
        OutputError: it exists, is of another kind, or its parent cannot be written to.
    """
    folder = Path(os.path.abspath(folder))
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{folder} exists and is no folder", "choose another name")
    if folder.is_dir():
        if not overwrite:
            raise OutputError(f"{folder} exists", "pass --overwrite to replace it")
        others = sorted(set(os.listdir(folder)) - set(holds))
        if others:
            raise OutputError(
                f"{folder} holds {others[0]}, which is no part of what would replace it",
                "choose another name",
            )
    temporary.prepare_folder(folder.parent)


@contextmanager
def open_folder(folder: Path, *, overwrite: bool, holds: Iterable[str]) -> Iterator[Path]:
    """A hidden folder beside ``folder`` to be filled within the ``with``; it gets its name when that ends well.

    Raises:
        OutputError: as ``check_folder``; it cannot be made, or not be named.
    """
    folder = Path(os.path.abspath(folder))
    check_folder(folder, overwrite, holds)
    temporary.remove_stale(folder.parent)
    made, former = temporary.temporary_for(folder), temporary.temporary_for(folder, ".old")
    try:
        made.mkdir()
        yield made
        _swap(made, folder, former)
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be written: {error.strerror or error}", temporary.hint_for(folder.parent)
        ) from error
    finally:
        for one in (made, former):
            shutil.rmtree(one, ignore_errors=True)


def _swap(made: Path, folder: Path, former: Path) -> None:
    """Put a folder in its place; what stood there becomes ``former``, and comes back if that fails."""
    if not folder.is_dir():
        os.rename(made, folder)
        return
    os.rename(folder, former)
    try:
        os.rename(made, folder)
    except OSError:
        os.rename(former, folder)
        raise

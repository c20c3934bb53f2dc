"""How does a published file get here whole? Over https, beside its place, going on where it stopped.

Nothing here decides to download: ``retempo weights fetch`` asks first.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from retempo.errors import DownloadError, OutputError
from retempo.models.manifest import Published
from retempo.models.weights import hash_file

PATIENCE: Final = 30.0
"""Seconds without an answer after which the connection is given up."""

CHUNK: Final = 1 << 18

Progress = Callable[[int, int], None]
"""(bytes here, bytes in all)."""


def download(published: Published, folder: Path, progress: Progress | None = None) -> Path:
    """Fetch a published file into ``folder`` as ``FILE.part`` and verify it; the caller removes it.

    A part that is there from before is gone on with, where the server can do that; else it starts again.

    Raises:
        DownloadError: no connection, a refusal, or not the published file. What came is kept to go on with, unless
            it is wrong.
        OutputError: the folder cannot be written.
    """
    part = folder / f"{published.file}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        begun = part.stat().st_size if part.exists() else 0
        if begun < published.size or not begun or not published.size:
            _transfer(published, part, begun, progress)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise DownloadError(
            f"{published.url} cannot be fetched: {reason}",
            "run it again to go on, or get the file elsewhere and run retempo weights add",
        ) from error
    except OSError as error:
        raise OutputError(
            f"{part} cannot be written: {error.strerror}",
            "make room, or name another folder in $RETEMPO_WEIGHTS",
        ) from error
    digest = hash_file(part)
    if digest != published.sha256:
        part.unlink()
        raise DownloadError(
            f"{published.url} has the SHA-256 {digest}, not the {published.sha256} that its authors published",
            "it was removed; run it again, and if it stays so, get the file elsewhere",
        )
    return part


def _transfer(published: Published, part: Path, begun: int, progress: Progress | None) -> None:
    headers = {"User-Agent": "retempo", **({"Range": f"bytes={begun}-"} if begun else {})}
    request = urllib.request.Request(published.url, headers=headers)
    with _open(request) as answer:
        going_on = begun and answer.status == 206
        here = begun if going_on else 0
        total = published.size or here + int(answer.headers.get("Content-Length") or 0)
        with part.open("ab" if going_on else "wb") as target:
            while block := answer.read(CHUNK):
                target.write(block)
                here += len(block)
                if published.size and here > published.size:
                    break  # more than was published: the hash will say so
                if progress is not None:
                    progress(here, total)
    if here < total:
        raise ConnectionError(f"the connection ended after {here} of {total} bytes")


def _open(request: urllib.request.Request) -> Any:
    """The server's answer; a part that it cannot go on with is fetched from the start."""
    try:
        return urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not request.has_header("Range"):
            raise
        error.close()
        request.remove_header("Range")
        return urllib.request.urlopen(request, timeout=PATIENCE)

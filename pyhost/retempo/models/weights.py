"""Where are the weights on this machine, and how do they get there without running anybody's code?

The folder holds one ``NAME.safetensors`` for each entry of the manifest that was added: tensors under the names that
our networks have, and in its header the SHA-256 of the published file they came from. Such a file is numbers alone, and
is mapped into memory, not read. Published ``.pth`` files go through PyTorch's restricted reader, which refuses code;
TorchScript archives and TensorFlow checkpoints through readers of ours (``torchscript``, ``tf_bundle``) that know none.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retempo.errors import InputError, OutputError, RetempoError, WeightsError
from retempo.flow.catalog import Weights
from retempo.models.manifest import Entry, find_entry
from retempo.models.registry import find_engine
from retempo.models.tf_bundle import bundle_files, find_index, read_bundle
from retempo.models.torchscript import is_torchscript, read_torchscript

SUFFIX: Final = ".safetensors"
PACKAGES: Final = {"torch": "PyTorch", "safetensors": "safetensors"}
SOURCE: Final = "retempo.source_sha256"
"""Key of the header; ``retempo.source_file`` beside it."""


_BESIDE_A_TRAINING: Final = ("model", "state_dict", "gNet")
"""Under which name the tensors are in files that also hold what a training needs to go on."""


@dataclass(frozen=True)
class Added:
    """What is in the folder.

    Attributes:
        path: of the file.
        source_sha256, source_file: of the published file it was made from.
    """

    path: Path
    source_sha256: str
    source_file: str


def weights_folder() -> Path:
    """``$RETEMPO_WEIGHTS``, else ``retempo/weights`` where the user's data belong (``$XDG_DATA_HOME``)."""
    given = os.environ.get("RETEMPO_WEIGHTS")
    if given:
        return Path(given).expanduser()
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "retempo" / "weights"


def path_of(name: str) -> Path:
    """Where the weights called ``name`` are, if they are."""
    return weights_folder() / f"{name}{SUFFIX}"


def missing_package() -> str:
    """The package that trained networks need and that is not installed; "" when none is missing."""
    return next((said for name, said in PACKAGES.items() if importlib.util.find_spec(name) is None), "")


def is_usable(name: str) -> bool:
    """Can the network run: are its weights there, and what reads them?"""
    return path_of(name).is_file() and not missing_package()


def inspect(name: str) -> Added | None:
    """What was added under ``name``, by the header of its file; None where nothing was.

    Raises:
        InputError: the file is broken, or was not made by ``add_weights``.
        WeightsError: the reader of such files is not installed.
    """
    path = path_of(name)
    if not path.is_file():
        return None
    need_packages(name)
    with _saying_what_is_broken(path, name):
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as opened:
            header = opened.metadata() or {}
    if len(header.get(SOURCE, "")) != 64:
        raise InputError(f"{path} does not say what it was made from", f"run retempo weights add {name} FILE")
    return Added(path, header[SOURCE], header.get("retempo.source_file", ""))


def load_weights(name: str) -> Weights:
    """Map the weights called ``name`` into memory.

    Raises:
        UsageError: the manifest does not know the name.
        WeightsError: they are not there, or what reads them is not installed.
        InputError: the file is broken, or does not fit the network.
    """
    entry = find_entry(name)
    found = inspect(name)
    if found is None:
        raise no_weights(name)
    with _saying_what_is_broken(found.path, name):
        from safetensors.torch import load_file

        state = load_file(found.path)
    return Weights(_fit(entry, state, found.path), found.source_sha256)


def no_weights(name: str) -> WeightsError:
    """What to tell whoever asks for weights that are not here."""
    return WeightsError(
        f"no weights for {name} in {weights_folder()}",
        f"run `retempo weights fetch {name}`, or `retempo weights add {name} FILE`",
    )


def add_weights(name: str, source: Path, sha256: str = "", published_as: str = "") -> Added:
    """Convert a local file and put it into the folder; replaces what was there.

    Args:
        name: of the manifest.
        source: what ``read_tensors`` takes.
        sha256: what the file has to have, if it is not to be taken as it is.
        published_as: the name to remember, in place of the file's own.

    Raises:
        UsageError: the manifest does not know the name.
        InputError: the file is missing or broken, holds code, is another one, or does not fit the network.
        OutputError: the folder cannot be written.
        WeightsError: PyTorch or safetensors is not installed.
    """
    entry = find_entry(name)
    need_packages(name)
    digest = hash_file(source)
    if sha256 and digest != sha256.lower():
        raise InputError(
            f"{source} has the SHA-256 {digest}, not {sha256.lower()}",
            "it is damaged or another file; get it again",
        )
    state = _fit(entry, read_tensors(source), source)
    header = {SOURCE: digest, "retempo.source_file": published_as or source.name, "format": "pt"}
    target = path_of(name)
    _write(target, {key: tensor.contiguous() for key, tensor in state.items()}, header)
    return Added(target, digest, header["retempo.source_file"])


def read_tensors(path: Path) -> dict[str, Any]:
    """Name -> tensor of what was published; runs no code that is in it.

    Args:
        path: ``.pth`` or ``.pt`` (tensors only, or TorchScript), ``.safetensors``, the ``.index`` of a TensorFlow
            checkpoint, or the folder of a SavedModel.

    Raises:
        InputError: it is broken, or holds anything but tensors.
    """
    index = find_index(path)
    if index is not None:
        return dict(read_bundle(index))
    if is_torchscript(path):
        return dict(read_torchscript(path))
    hint = "get the file again from where its authors publish it"
    try:
        if path.suffix == SUFFIX:
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            import torch

            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can make these readers raise nearly anything
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "weights" in first.lower() and "only" in first.lower():
            raise InputError(f"{path} holds more than tensors: loading it would run code", hint) from error
        raise InputError(f"{path} cannot be read as weights: {first[:200]}", hint) from error
    for beside in _BESIDE_A_TRAINING if isinstance(found, Mapping) else ():
        if isinstance(found.get(beside), Mapping):
            found = found[beside]
            break
    if (
        not isinstance(found, Mapping)
        or not found
        or not all(hasattr(one, "shape") for one in found.values())
    ):
        raise InputError(f"{path} is no table of tensors", hint)
    return {str(name): tensor for name, tensor in found.items()}


def hash_file(path: Path) -> str:
    """SHA-256 of a file, 64 characters; of a TensorFlow checkpoint, of its files one behind the other, index first.

    Raises:
        InputError: it cannot be read.
    """
    index = find_index(path)
    digest = hashlib.sha256()
    try:
        for file in [path] if index is None else bundle_files(index):
            with file.open("rb") as opened:
                while piece := opened.read(1 << 20):
                    digest.update(piece)
        return digest.hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "check the path") from error


def _fit(entry: Entry, state: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The tensors under the names of the entry's network."""
    kind, _, size = (entry.engine or entry.flow).partition(":")
    try:
        return find_engine(kind).convert(state, size) if entry.engine else _converters()[kind](state, size)
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from error


def _converters() -> dict[str, Callable[[Mapping[str, Any], str], dict[str, Any]]]:
    """What makes published tensors ours, by the network's name in --flow."""
    from retempo.flow.neuflow.estimator import convert as convert_neuflow
    from retempo.flow.raft.checkpoint import convert as convert_raft

    return {"raft": convert_raft, "neuflow": convert_neuflow}


def _write(target: Path, state: dict[str, Any], header: dict[str, str]) -> None:
    """Write beside the target and rename."""
    from safetensors.torch import save_file

    beside = ""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=".part")
        os.close(handle)
        save_file(state, beside, metadata=header)
        os.chmod(beside, 0o644)
        os.replace(beside, target)
    except Exception as error:
        if beside:
            with contextlib.suppress(OSError):
                os.unlink(beside)
        raise OutputError(
            f"{target} cannot be written: {error}", "make room, or name another folder in $RETEMPO_WEIGHTS"
        ) from error


def need_packages(name: str) -> None:
    """See that what reads weights is there.

    Raises:
        WeightsError: naming what is not.
    """
    missing = missing_package()
    if missing:
        raise WeightsError(f"{name} needs {missing}, which is not installed", "pip install 'retempo[torch]'")


@contextmanager
def _saying_what_is_broken(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except RetempoError:
        raise
    except Exception as error:
        raise InputError(
            f"{path} is broken: {error}",
            f"run retempo weights fetch {name}, or retempo weights add {name} FILE",
        ) from error

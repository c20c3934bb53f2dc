"""Do weights get into the folder whole, unchanged and without running code, and does what is wrong get a name?"""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import pytest

from retempo.errors import InputError, OutputError, UsageError, WeightsError
from retempo.models.weights import (
    add_weights,
    inspect,
    is_usable,
    load_weights,
    path_of,
    read_tensors,
    weights_folder,
)

torch = pytest.importorskip("torch", reason="weights are read by PyTorch")
pytest.importorskip("safetensors", reason="weights are stored by safetensors")

MARK = "code-of-a-stranger-has-run"


class Stranger:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path(MARK).write_text, ("",)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "weights"


@pytest.fixture
def state() -> dict[str, Any]:
    from retempo.flow.raft.network import Raft

    return Raft("small").state_dict()


@pytest.fixture
def published(tmp_path: Path, state: dict[str, Any]) -> Path:
    """A file as the authors save theirs."""
    path = tmp_path / "mine.pth"
    torch.save({f"module.{name}": one for name, one in state.items()}, path)
    return path


def test_folder_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert weights_folder() == tmp_path / "weights"
    monkeypatch.delenv("RETEMPO_WEIGHTS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert weights_folder() == tmp_path / "retempo" / "weights"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert weights_folder() == Path.home() / ".local" / "share" / "retempo" / "weights"


def test_added_and_loaded(published: Path, state: dict[str, Any], folder: Path) -> None:
    assert inspect("raft-small") is None and not is_usable("raft-small")
    digest = hashlib.sha256(published.read_bytes()).hexdigest()
    made = add_weights("raft-small", published, digest.upper())
    assert made == inspect("raft-small") and is_usable("raft-small")
    assert (made.path, made.source_sha256, made.source_file) == (path_of("raft-small"), digest, "mine.pth")
    assert [one.name for one in folder.iterdir()] == ["raft-small.safetensors"]
    loaded = load_weights("raft-small")
    assert loaded.digest == digest
    assert loaded.state.keys() == state.keys()
    assert all(torch.equal(loaded.state[name], one) for name, one in state.items())


def test_a_safetensors_file_is_taken_too(published: Path, tmp_path: Path) -> None:
    copy = add_weights("raft-small", published).path.rename(tmp_path / "copy.safetensors")
    assert not is_usable("raft-small")
    assert add_weights("raft-small", copy).source_file == "copy.safetensors"


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path: Path, state: dict[str, Any]) -> None:
    zipped, bare, tarred = (tmp_path / name for name in ("zip.pth", "bare.pth", "tar.pth"))
    torch.save({**state, "more": Stranger()}, zipped)
    bare.write_bytes(pickle.dumps({"more": Stranger()}))
    with tarfile.open(tarred, "w") as archive:
        text = pickle.dumps(Stranger())
        for name in ("pickle", "storages", "tensors"):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    for path in (zipped, bare, tarred):
        with pytest.raises(InputError, match=path.name):
            add_weights("raft-small", path)
        assert not (tmp_path / MARK).exists()
    with pytest.raises(InputError, match="would run code"):
        add_weights("raft-small", zipped)
    pickle.loads(bare.read_bytes())
    assert (tmp_path / MARK).exists(), "the stranger's code would have run"


def test_wrong_hash(published: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.pth has the SHA-256 [0-9a-f]{64}, not 0000"):
        add_weights("raft-small", published, "0" * 64)
    assert not is_usable("raft-small")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated(published: Path, tmp_path: Path, share: float, suffix: str) -> None:
    whole = published if suffix == ".pth" else add_weights("raft-small", published).path
    content = whole.read_bytes()
    short = tmp_path / f"short{suffix}"
    short.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=rf"short\{suffix} cannot be read as weights"):
        add_weights("raft-small", short)


def test_other_files(tmp_path: Path, published: Path, state: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"nowhere\.pth cannot be read: No such file"):
        add_weights("raft-small", tmp_path / "nowhere.pth")
    with pytest.raises(InputError, match=r"mine\.pth: these are not the weights of raft large.*other size"):
        add_weights("raft-large", published)
    torch.save({"state": state}, tmp_path / "nested.pth")
    with pytest.raises(InputError, match=r"nested\.pth is no table of tensors"):
        read_tensors(tmp_path / "nested.pth")
    torch.save(torch.zeros(3), tmp_path / "tensor.pth")
    with pytest.raises(InputError, match=r"tensor\.pth is no table of tensors"):
        read_tensors(tmp_path / "tensor.pth")
    with pytest.raises(UsageError, match="raft-large, raft-small"):
        add_weights("nobody", published)


def test_a_failed_replacement_leaves_what_was_there(published: Path, tmp_path: Path) -> None:
    before = add_weights("raft-small", published).path.stat()
    (tmp_path / "bad.pth").write_bytes(b"bad")
    with pytest.raises(InputError):
        add_weights("raft-small", tmp_path / "bad.pth")
    assert path_of("raft-small").stat() == before


def test_a_folder_that_cannot_be_written(published: Path, folder: Path) -> None:
    folder.write_text("a file is in the way")
    with pytest.raises(OutputError, match="RETEMPO_WEIGHTS"):
        add_weights("raft-small", published)


def test_missing_weights_say_what_to_do() -> None:
    with pytest.raises(WeightsError, match=r"no weights for raft-large.*retempo weights add raft-large FILE"):
        load_weights("raft-large")


def test_broken_files_in_the_folder_are_named(published: Path, state: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    path = add_weights("raft-small", published).path
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"raft-small\.safetensors is broken"):
        load_weights("raft-small")
    save_file(state, path)
    with pytest.raises(InputError, match="does not say what it was made from"):
        load_weights("raft-small")


def test_without_the_packages(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_weights("raft-small", published)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not is_usable("raft-small")
    for call in (lambda: load_weights("raft-small"), lambda: add_weights("raft-small", published)):
        with pytest.raises(WeightsError, match=r"PyTorch.*retempo\[torch\]"):
            call()

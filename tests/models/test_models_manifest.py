"""Does the shipped manifest say all that it should, and is a wrong one refused?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retempo.errors import InputError, UsageError
from retempo.flow.catalog import names
from retempo.flow.raft.sizes import SIZES
from retempo.models.manifest import Entry, find_entry, manifest_path, read_manifest
from retempo.models.registry import parse_engine


@pytest.mark.parametrize("entry", read_manifest(), ids=lambda entry: entry.name)
def test_entry_is_complete(entry: Entry) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", entry.name)
    assert bool(entry.flow) != bool(entry.engine)
    if entry.engine:
        choice = parse_engine(entry.engine)
        assert (choice.variant.weights, choice.variant.parameters) == (entry.name, entry.parameters)
    else:
        assert entry.flow in names()
        size = SIZES.get(entry.flow.partition(":")[2])
        assert entry.parameters == (size.parameters if size else 9_029_536)
    assert all((entry.what, entry.network, entry.paper))
    assert entry.files or entry.engine, "only an engine may have weights that nobody published"
    for one in entry.files:
        assert all((one.file, one.by, one.trained_on, one.licence))
        assert one.page.startswith("https://")
        assert not one.url or (one.url.startswith("https://") and one.url.endswith("/" + one.file))
        assert not one.url or (one.sha256 and one.size), "what is fetched must be verifiable"
        assert not one.sha256 or re.fullmatch(r"[0-9a-f]{64}", one.sha256)
        stated = re.search(r"-([0-9a-f]{8})\.pth$", one.file)
        assert stated is None or one.sha256.startswith(stated[1])
        # four bytes a parameter, and as much again for names, running averages and padding at most
        assert not one.size or 4 * entry.parameters <= one.size < 4.1 * entry.parameters


def test_names_and_hashes_are_unique() -> None:
    entries = read_manifest()
    hashes = [one.sha256 for entry in entries for one in entry.files if one.sha256]
    assert len({entry.name for entry in entries}) == len(entries) and len(set(hashes)) == len(hashes)


def test_files_are_recognised_by_hash() -> None:
    entry = find_entry("raft-large")
    assert entry.recognise(entry.files[-1].sha256) is entry.files[-1]
    assert entry.recognise("") is None and entry.recognise("0" * 64) is None
    assert entry.to_fetch is not None and entry.to_fetch.url


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'raft-huge'.*raft-large, raft-small, neuflow-v2"):
        find_entry("raft-huge")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "raft-large"', ""),
        ('name = "raft-large"', "name = 7"),
        ("size = 21108000", 'size = "21108000"'),
        ('by = "torchvision"', 'by = "torchvision"\n  colour = "blue"'),
        ("[[weights]]", "[[weights]"),
        ("[[weights", "[[others"),
    ],
)
def test_a_broken_manifest_is_named(old: str, new: str, tmp_path: Path) -> None:
    text = manifest_path().read_text()
    assert old in text
    broken = tmp_path / "manifest.toml"
    broken.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=r"manifest\.toml is no manifest"):
        read_manifest(broken)

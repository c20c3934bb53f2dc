"""Do the committed stubs describe the module that was built, and does it say how it was built?"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from retempo import _native

REPO = Path(__file__).resolve().parents[2]


def stub_signatures() -> dict[str, list[tuple[str, str | None]]]:
    """Parameter names and defaults of every function in the stub."""
    tree = ast.parse((REPO / "pyhost" / "retempo" / "_native.pyi").read_text())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            names: list[tuple[str, str | None]] = [(a.arg, None) for a in node.args.args]
            for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                names.append((argument.arg, None if default is None else ast.unparse(default)))
            found[node.name] = names
    return found


def module_signatures() -> dict[str, list[tuple[str, str | None]]]:
    """Read the same from the docstrings that pybind11 writes."""
    found = {}
    for name in dir(_native):
        function = getattr(_native, name)
        if name.startswith("_") or not callable(function):
            continue
        line = (function.__doc__ or "").splitlines()[0]
        inner = line[line.index("(") + 1 : line.rindex(")")]
        names = []
        for part in re.split(r",\s*(?![^\[]*\])", inner):
            match = re.match(r"(\w+)\s*:[^=]*(?:=\s*(.+))?$", part.strip())
            if match:
                names.append((match[1], match[2]))
        found[name] = names
    return found


def test_stub_matches_the_module() -> None:
    stub, module = stub_signatures(), module_signatures()
    assert set(stub) == set(module)
    for name, parameters in stub.items():
        assert parameters == module[name], name


def test_build_info_tells_how_it_was_made() -> None:
    info = _native.build_info()
    version = re.search(r"project\(retempo VERSION ([0-9.]+)", (REPO / "CMakeLists.txt").read_text())
    assert version is not None and info["version"] == version[1]
    assert "-ffp-contract=off" in info["flags"]
    assert info["isa"] in ("baseline", "avx2", "avx512")
    assert info["threads"] >= 1
    assert isinstance(info["cuda"], bool)


def test_parallel_copy_copies() -> None:
    source = np.random.default_rng(0).random(3_000_001).astype(np.float32)
    target = np.zeros_like(source)
    _native.parallel_copy(target, source, threads=3)
    np.testing.assert_array_equal(target, source)
    with pytest.raises(ValueError, match="overlaps"):
        _native.parallel_copy(source, source)

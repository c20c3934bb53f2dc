"""Do the places that name a version or a dependency agree with each other?"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


def normal(name: str) -> str:
    """Package names compare without case, and with '-', '_' and '.' alike."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements() -> list[str]:
    settings = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))
    extras = settings["project"]["optional-dependencies"].values()
    wanted = [*settings["build-system"]["requires"], *settings["project"]["dependencies"]]
    return wanted + [one for extra in extras for one in extra]


def pins() -> dict[str, str]:
    lines = (REPO / "packaging" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {normal(name): number for name, _, number in found}


@pytest.mark.parametrize("requirement", requirements())
def test_dependency_is_pinned_within_its_range(requirement: str) -> None:
    from packaging.requirements import Requirement

    wanted = Requirement(requirement)
    pinned = pins().get(normal(wanted.name))
    assert pinned, f"{wanted.name} is not pinned in packaging/constraints.txt"
    assert wanted.specifier.contains(pinned), f"{pinned} is outside {requirement}"


def test_one_version() -> None:
    from retempo import _native

    text = (REPO / "CMakeLists.txt").read_text(encoding="utf-8")
    declared = re.search(r"project\(\s*retempo\s+VERSION\s+([0-9.]+)", text)
    assert declared
    assert _native.build_info()["version"] == declared[1]
    try:
        installed = version("retempo")
    except PackageNotFoundError:
        pytest.skip("retempo is on the path but not installed; `make venv` installs it")
    assert installed == declared[1]


def test_changelog_knows_the_version() -> None:
    text = (REPO / "CMakeLists.txt").read_text(encoding="utf-8")
    declared = re.search(r"project\(\s*retempo\s+VERSION\s+([0-9.]+)", text)
    assert declared
    assert f"## [{declared[1]}]" in (REPO / "CHANGELOG.md").read_text(encoding="utf-8")

"""Does every room say what it is for, and every file which question it answers?"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PACKAGE = REPO / "pyhost" / "retempo"
ROOMS = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
MODULES = sorted(
    path
    for folder in (PACKAGE, REPO / "packaging", REPO / "tests")
    for path in folder.rglob("*.py")
    if path != PACKAGE / "__init__.py"
)
SCREEN = 60


def relative(path: Path) -> str:
    return str(path.relative_to(REPO))


@pytest.mark.parametrize("room", ROOMS, ids=relative)
def test_room_has_a_readme_of_a_screen_or_less(room: Path) -> None:
    readme = room / "README.md"
    assert readme.is_file(), f"{relative(readme)} is missing: purpose, vocabulary, imports, 'to add an X'"
    lines = readme.read_text(encoding="utf-8").splitlines()
    assert 4 <= len(lines) <= SCREEN, f"{relative(readme)} has {len(lines)} lines"


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_module_opens_with_the_question_it_answers(module: Path) -> None:
    text = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    assert text, f"{relative(module)} has no docstring"
    opening = text.partition("\n\n")[0]
    assert "?" in opening, f"{relative(module)} opens with no question: {opening!r}"


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc"])
def test_no_file_is_called(name: str) -> None:
    assert not [relative(path) for path in MODULES if path.stem == name or path.parent.name == name]

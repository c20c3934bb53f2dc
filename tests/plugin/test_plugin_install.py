"""Does `retempo plugin` put the bundle where hosts look, take it away again, and find out what is wrong?"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from host import OfxHost
from retempo_bundle import RETIME, find_bundle

from retempo.cli.main import main


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("OFX_PLUGIN_PATH", str(tmp_path / "OFX"))
    monkeypatch.setenv("RETEMPO_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.delenv("RETEMPO_PYTHON", raising=False)
    return find_bundle()


def plugin(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = main(["plugin", *arguments, "--json"])
    text = capsys.readouterr().out
    return code, json.loads(text) if text else {}


@pytest.mark.parametrize("link", [False, True])
def test_install_and_uninstall(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], link: bool
) -> None:
    target = tmp_path / "OFX" / "Retempo.ofx.bundle"
    for _ in range(2):  # the second replaces the first
        code, facts = plugin(capsys, "install", "--bundle", str(bundle), *(["--link"] if link else []))
        assert code == 0 and facts["bundle"] == str(target) and facts["on_search_path"]
    assert target.is_symlink() == link and os.listdir(target.parent) == [target.name]
    if not link:
        noted = target / "Contents" / "Resources" / "python-path"
        assert noted.read_text().strip() == sys.executable
        assert os.access(noted.with_name("retempo-worker"), os.X_OK)
    with OfxHost() as host:
        assert RETIME in host.load(target)
    code, facts = plugin(capsys, "uninstall")
    assert code == 0 and facts["removed"] and not target.exists() and bundle.exists()
    code, facts = plugin(capsys, "uninstall")
    assert code == 0 and not facts["removed"]


def test_doctor_is_content(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plugin(capsys, "install", "--bundle", str(bundle))
    code, facts = plugin(capsys, "doctor")
    assert code == 0, facts
    said = {check["what"]: check["text"] for check in facts["checks"]}
    assert said["loads"] == "3 effects" and said["launcher"] == sys.executable and "worker" in said


def test_doctor_finds_what_is_wrong(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def bad() -> set[str]:
        code, facts = plugin(capsys, "doctor", "--to", str(tmp_path / "OFX"))
        wrong = {check["what"] for check in facts["checks"] if not check["ok"]}
        assert (code == 3) == bool(wrong) == (not facts["sound"])
        return wrong

    assert bad() == {"installed"}
    plugin(capsys, "install", "--bundle", str(bundle))
    contents = tmp_path / "OFX" / "Retempo.ofx.bundle" / "Contents"
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (contents / "Resources" / "python-path").write_text("/no/such/python\n")
    assert bad() == {"launcher"}
    (contents / "Resources" / "retempo-worker").chmod(0o644)
    assert bad() == {"launcher"}
    binary = next(contents.glob("*/Retempo.ofx"))
    binary.write_bytes(b"no program")
    assert bad() == {"release", "loads", "launcher"}


def test_without_permission_it_goes_to_the_users_own_folder(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr("retempo.cli.plugin.STANDARD", str(tmp_path / "file" / "Plugins"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OFX_PLUGIN_PATH")
    folder = tmp_path / "home" / "OFX" / "Plugins"
    code, facts = plugin(capsys, "install", "--bundle", str(bundle))
    assert code == 0 and facts["bundle"] == str(folder / bundle.name) and not facts["on_search_path"]
    code, facts = plugin(capsys, "doctor")
    (wrong,) = [check for check in facts["checks"] if not check["ok"]]
    assert code == 3 and wrong["what"] == "search path" and f"OFX_PLUGIN_PATH={folder}" in wrong["text"]
    monkeypatch.setenv("OFX_PLUGIN_PATH", str(folder))
    assert plugin(capsys, "doctor")[0] == 0
    monkeypatch.delenv("OFX_PLUGIN_PATH")
    assert plugin(capsys, "uninstall")[1]["removed"] and not list(folder.iterdir())


def test_what_cannot_be_installed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugin", "install", "--bundle", str(tmp_path), "--to", str(tmp_path / "x")]) == 3
    assert "make plugin" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["plugin", "install", "--bundle", str(bundle), "--to", str(tmp_path / "file" / "x")]) == 4

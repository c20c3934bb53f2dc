"""Does `retempo weights` list, fetch and add, ask first, and end with a code that scripts can tell apart?"""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from retempo.cli.main import main
from retempo.models.manifest import manifest_path, read_manifest

torch = pytest.importorskip("torch", reason="weights are read by PyTorch")
pytest.importorskip("safetensors", reason="weights are stored by safetensors")

NAME = "raft_small_C_T_V2-01064c6d.pth"


class Site:
    """A server of one file.

    Attributes:
        content: of the file. ranges: those that were asked for. most: bytes after which the connection ends.
        resumes: does it serve ranges? status: what it answers.
    """

    def __init__(self, content: bytes) -> None:
        self.content, self.ranges = content, list[str]()
        self.most, self.resumes, self.status = len(content), True, 200
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range", "")
                site.ranges.append(asked)
                start = int(re.sub(r"\D", "", asked) or 0) if site.resumes else 0
                if site.status != 200:
                    self.send_error(site.status)
                    return
                if start >= len(site.content):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(site.content) - start))
                self.end_headers()
                self.wfile.write(site.content[start : start + site.most])

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/{NAME}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path / "weights"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "weights"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    from retempo.flow.raft.network import Raft

    path = tmp_path / "mine.pth"
    torch.save(Raft("small").state_dict(), path)
    return path


@pytest.fixture
def site(published: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server with weights, in a manifest of its own."""
    made = Site(published.read_bytes())
    text = manifest_path().read_text()
    begin = text.index('[[weights]]\nname = "raft-small"')
    entry = text[begin : text.index("[[weights]]", begin + 1)]
    digest = hashlib.sha256(made.content).hexdigest()
    entry = re.sub(r'url = "[^"]*"', f'url = "{made.url}"', entry, count=1)
    entry = re.sub(r'sha256 = "[^"]*"', f'sha256 = "{digest}"', entry, count=1)
    entry = re.sub(r"size = \d+", f"size = {len(made.content)}", entry, count=1)
    mine = tmp_path / "manifest.toml"
    mine.write_text(entry)
    monkeypatch.setattr("retempo.models.manifest.manifest_path", lambda: mine)
    yield made
    made.close()


def fetch(*more: str) -> int:
    return main(["weights", "fetch", "raft-small", "--yes", *more])


def test_list_says_what_is_there(folder: Path, published: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "list", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["folder"] == str(folder)
    assert [(one["name"], one["state"]) for one in facts["weights"]] == [
        (entry.name, "absent") for entry in read_manifest()
    ]
    assert main(["weights", "add", "raft-small", str(published)]) == 0
    assert "none of the published files" in capsys.readouterr().out
    (folder / "raft-large.safetensors").write_bytes(b"broken")
    assert main(["weights", "list", "--json"]) == 0
    large, small, *_ = json.loads(capsys.readouterr().out)["weights"]
    assert "is broken" in large["state"] and "weights fetch raft-large" in large["state"]
    assert (small["state"], small["source_file"], small["published"]) == ("ok", "mine.pth", False)
    assert main(["weights", "list"]) == 0
    assert "BSD-3-Clause" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["fetch"], 2, "needs a name"),
        (["fetch", "nobody"], 2, "choose from raft-large, raft-small"),
        (["fetch", "cspa"], 2, "nobody published weights for cspa"),
        (["add", "raft-small"], 2, "weights add raft-small FILE"),
        (["add", "raft-small", "nowhere.pth"], 3, "nowhere.pth"),
        (["add", "raft-small", "mine.pth", "--sha256", "0" * 64], 3, "SHA-256"),
        (["add", "raft-large", "mine.pth"], 3, "not the weights of raft large"),
    ],
)
def test_mistakes_have_codes(
    arguments: list[str], code: int, said: str,
    folder: Path, published: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(published.parent)
    assert main(["weights", *arguments]) == code
    assert said in capsys.readouterr().err


def test_fetched_verified_added(site: Site, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fetch() == 0
    assert NAME in capsys.readouterr().out
    assert [one.name for one in folder.iterdir()] == ["raft-small.safetensors"]
    assert main(["weights", "list", "--json"]) == 0
    (small,) = json.loads(capsys.readouterr().out)["weights"]
    assert (small["state"], small["source_file"], small["published"]) == ("ok", NAME, True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130), ("\n", 130), ("", 130)])
def test_it_asks_first(
    answer: str, code: int, site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert main(["weights", "fetch", "raft-small"]) == code
    said = capsys.readouterr().err
    assert site.url in said and "BSD-3-Clause" in said and "4.0 MB" in said
    assert bool(site.ranges) == (code == 0)


def test_without_a_terminal_it_wants_yes(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["weights", "fetch", "raft-small"]) == 2
    assert "--yes" in capsys.readouterr().err and not site.ranges


def test_an_interrupted_download_goes_on(
    site: Site, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.most = 100_000
    assert fetch() == 9
    said = capsys.readouterr().err
    assert f"100000 of {len(site.content)} bytes" in said and "again to go on" in said
    assert (folder / f"{NAME}.part").stat().st_size == 100_000
    site.most = len(site.content)
    assert fetch() == 0
    assert site.ranges == ["", "bytes=100000-"]
    assert [one.name for one in folder.iterdir()] == ["raft-small.safetensors"]


def test_a_server_that_cannot_go_on_begins_again(site: Site) -> None:
    site.most, site.resumes = 100_000, False
    assert fetch() == 9
    site.most = len(site.content)
    assert fetch() == 0
    assert site.ranges == ["", "bytes=100000-"]


def test_a_part_that_is_too_long_begins_again_or_is_refused(site: Site, folder: Path) -> None:
    folder.mkdir()
    (folder / f"{NAME}.part").write_bytes(b"x" * (len(site.content) + 5))
    assert fetch() == 9
    assert fetch() == 0


def test_another_file_than_published(site: Site, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, site.content = site.content, site.content[:-1] + bytes([site.content[-1] ^ 1])
    assert fetch() == 9
    assert "SHA-256" in capsys.readouterr().err and not list(folder.iterdir())
    site.content = good
    assert fetch() == 0


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal(status: int, site: Site, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.status = status
    assert fetch() == 9
    assert site.url in capsys.readouterr().err and not list(folder.iterdir())


def test_offline(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.close()
    assert fetch() == 9
    assert "cannot be fetched" in (said := capsys.readouterr().err) and "retempo weights add" in said


def test_the_shipped_manifest_has_entries_without_an_address(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weights", "fetch", "neuflow-v2", "--yes"]) == 2
    assert "https://github.com/neufieldrobotics/NeuFlow_v2" in capsys.readouterr().err


def test_nothing_is_fetched_that_could_not_be_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert fetch() == 8
    assert "PyTorch" in capsys.readouterr().err and not site.ranges


def test_no_address_names_the_page(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "manifest.toml"
    without = tmp_path / "without.toml"
    without.write_text(re.sub(r"\n *url = .*", "", mine.read_text()))
    mine.write_text(without.read_text())
    from retempo.models import manifest

    manifest._read.cache_clear()
    assert fetch() == 2
    said = capsys.readouterr().err
    assert "https://github.com/princeton-vl/RAFT" in said and "weights add raft-small FILE" in said

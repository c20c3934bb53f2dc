"""Are wishes resolved into estimators and weights, with a reason, and is what was given left alone?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plates import make_shot
from retempo.cli.main import main
from retempo.errors import UsageError, WeightsError
from retempo.render.quality import CLASSICAL, choose_flow, choose_settings
from retempo.render.settings import RetimeSettings


@pytest.fixture
def without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path / "none"))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both networks with weights of no use; returns the folder."""
    torch = pytest.importorskip("torch", reason="weights are read by PyTorch")
    pytest.importorskip("safetensors", reason="weights are stored by safetensors")
    from retempo.flow.raft.network import Raft
    from retempo.models.weights import add_weights

    monkeypatch.setenv("RETEMPO_WEIGHTS", str(tmp_path / "weights"))
    for size in ("large", "small"):
        torch.save(Raft(size).state_dict(), tmp_path / f"{size}.pth")
        add_weights(f"raft-{size}", tmp_path / f"{size}.pth")
    return tmp_path / "weights"


def digest(name: str) -> str:
    from retempo.models.weights import inspect

    found = inspect(name)
    assert found is not None
    return found.source_sha256[:8]


def test_no_wish_is_the_defaults(without: None) -> None:
    choice = choose_settings({"sigma": 0.75, "source": "not a setting"})
    assert choice.settings == RetimeSettings(sigma=0.75) and choice.reasons == ()


def test_fast(without: None) -> None:
    choice = choose_settings({"quality": "fast"})
    assert (choice.settings.flow, choice.settings.inverses) == ("dis:fast", "off")
    assert "dis:fast" in choice.reasons[0]


def test_best_without_weights_is_classical_and_says_why(without: None) -> None:
    choice = choose_settings({"quality": "best"})
    assert (choice.settings.flow, choice.settings.filter) == (CLASSICAL, "bicubic")
    assert "raft-large" in choice.reasons[0] or "is not installed" in choice.reasons[0]
    assert choice.settings.fingerprint() != RetimeSettings().fingerprint()
    explicit = RetimeSettings(
        flow=choice.settings.flow, filter=choice.settings.filter, inverses=choice.settings.inverses
    )
    assert choice.settings.fingerprint() == explicit.fingerprint()


def test_best_with_weights_names_them(installed: Path) -> None:
    choice = choose_settings({"quality": "best"})
    assert choice.settings.flow == f"dis:fine+raft,weights={digest('raft-large')}"
    assert "installed" in choice.reasons[0]


def test_what_is_given_stays(without: None) -> None:
    choice = choose_settings({"quality": "best", "flow": "dis", "inverses": "off"})
    assert (choice.settings.flow, choice.settings.inverses) == ("dis", "off")
    assert "--flow dis as given" in choice.reasons[0]


@pytest.mark.parametrize("device", ["cpu", "cuda", "cuda:1"])
def test_auto_without_weights(without: None, device: str) -> None:
    choice = choose_settings({"flow": "auto", "device": device})
    assert choice.settings.flow == "dis" and choice.reasons[0].startswith("flow auto: dis (")


def test_auto_with_weights_takes_them_on_a_gpu(installed: Path) -> None:
    assert choose_flow("cpu")[0] == "dis"
    choice = choose_settings({"flow": "auto", "device": "cuda"})
    assert choice.settings.flow == f"dis:fine+raft,weights={digest('raft-large')}"
    alone = choose_settings({"flow": "auto", "device": "cuda"}, several=False)
    assert alone.settings.flow == f"raft,weights={digest('raft-large')}"


def test_weights_are_part_of_the_fingerprint(installed: Path) -> None:
    settings = choose_settings({"flow": "dis+raft:small,iterations=2"}).settings
    assert settings.flow == f"dis+raft:small,iterations=2,weights={digest('raft-small')}"
    assert choose_settings({"flow": settings.flow}).settings == settings
    (installed / "raft-small.safetensors").unlink()
    with pytest.raises(WeightsError, match="weights add raft-small FILE"):
        choose_settings({"flow": "dis+raft:small"})


def test_mistakes_are_named(without: None) -> None:
    with pytest.raises(UsageError, match=r"--quality is 'finest'.*fast, balanced, best"):
        choose_settings({"quality": "finest"})
    assert choose_settings({"flow": "raft:huge"}).settings.flow == "raft:huge"  # for the catalogue to refuse


def test_dry_run_and_info_say_what_was_chosen(
    without: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(make_shot(tmp_path, range(1, 4)))
    command = ["retime", source, "-o", str(tmp_path / "o.####.exr"), "--dry-run", "--quality", "best"]
    assert main([*command, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["settings"]["flow"] == CLASSICAL and "quality best" in facts["choices"][0]
    assert main(command) == 0
    assert CLASSICAL in capsys.readouterr().out
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["quality"]["best"]["chosen"]["flow"] == CLASSICAL and facts["quality"]["best"]["why"]
    assert facts["flow_auto"]["cpu"]["chosen"] == "dis"


def test_missing_weights_have_a_code_of_their_own(
    without: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(make_shot(tmp_path, range(1, 4)))
    assert main(["retime", source, "-o", str(tmp_path / "o.####.exr"), "--flow", "raft"]) == 8
    assert "raft-large" in capsys.readouterr().err


@pytest.mark.slow
def test_a_shot_is_retimed_with_trained_flow(
    installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(make_shot(tmp_path, range(1, 4)))
    command = ["retime", source, "-o", str(tmp_path / "o.####.exr"), "--flow", "dis+raft:small,iterations=2"]
    assert main([*command, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["written"]) == 5
    assert main([*command, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == []

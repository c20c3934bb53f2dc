"""What does the bundle hold, and does loading it do nothing that a host would notice?"""

from __future__ import annotations

import json
import os
import plistlib
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from host import OfxHost
from retempo_bundle import INBETWEEN, RETIME, VECTORS, find_binary, find_bundle

EXPORTS = {"OfxGetNumberOfPlugins", "OfxGetPlugin", "OfxSetHost"}
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def bundle() -> Path:
    return find_bundle()


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name} on the path")
    return found


def test_exports_three_functions(bundle: Path) -> None:
    text = subprocess.run(
        [tool("nm"), "-D", "--defined-only", str(find_binary(bundle))], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    assert {line.split()[-1] for line in text.splitlines()} == EXPORTS


def test_links_nothing_but_the_system(bundle: Path) -> None:
    text = subprocess.run(
        [tool("readelf"), "-d", str(find_binary(bundle))], capture_output=True, text=True, check=True
    ).stdout
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", text))
    if any(re.match(r"lib[at]san\.", name) for name in needed):
        pytest.skip("this bundle is built with a sanitizer, whose library it needs")
    system = {
        "libc.so",
        "libm.so",
        "libdl.so",
        "libpthread.so",
        "ld-linux-x86-64.so",
        "libgcc_s.so",
        "librt.so",
    }
    assert {re.sub(r"\.so.*", ".so", name) for name in needed} <= system
    assert "RPATH" not in text and "RUNPATH" not in text


def test_property_list(bundle: Path) -> None:
    facts = plistlib.loads((bundle / "Contents" / "Info.plist").read_bytes())
    assert facts["CFBundleExecutable"] == "Retempo.ofx" and facts["CFBundlePackageType"] == "BNDL"
    assert re.fullmatch(r"\d+\.\d+\.\d+", facts["CFBundleVersion"])


@pytest.mark.parametrize("context", ["retimer", "general", "filter"])
@pytest.mark.parametrize("colour", ["", "ocio"])
def test_describes_itself_without_a_violation(bundle: Path, context: str, colour: str) -> None:
    with OfxHost(contexts=("retimer", "general", "filter"), colour_style=colour) as host:
        plugins = host.load(bundle)
        assert list(plugins) == [RETIME, INBETWEEN, VECTORS]
        assert not host.violations
        known = plugins[RETIME].contexts[context].params.members
        assert ("SourceTime" in known) == (context == "retimer") == ("speed" not in known)
        assert ("depth" in known) == (context != "filter")


def test_loading_starts_nothing(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that lists plugins at start-up: no process, no file, no thread."""
    folder = tmp_path / "run"
    monkeypatch.setenv("RETEMPO_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("RETEMPO_WORKER_COMMAND", f"/bin/sh -c 'touch {tmp_path}/started'")
    before = set(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    for _ in range(3):
        with OfxHost() as host:
            assert all(plugin.contexts for plugin in host.load(bundle).values())
    assert (set(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))) == before
    assert not folder.exists() and not (tmp_path / "started").exists()


def test_the_launcher_chooses_a_python(bundle: Path, tmp_path: Path) -> None:
    launcher = bundle / "Contents" / "Resources" / "retempo-worker"
    assert launcher.stat().st_mode & stat.S_IXUSR
    copy = tmp_path / "a folder" / "retempo-worker"
    copy.parent.mkdir()
    shutil.copy(launcher, copy)
    clean = {"PATH": "/usr/bin:/bin", "PYTHONHOME": "/nowhere", "LD_LIBRARY_PATH": "/nowhere"}

    def ask(**extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(copy), "--which"], env={**clean, **extra}, capture_output=True, text=True, check=False
        )

    missing = ask()
    assert missing.returncode == 127 and "retempo plugin install" in missing.stderr
    (copy.parent / "python-path").write_text(f"{sys.executable}\n")
    assert ask().stdout.strip() == sys.executable
    inside = copy.parent / "python" / "bin" / "python3"
    inside.parent.mkdir(parents=True)
    inside.symlink_to(sys.executable)
    assert ask().stdout.strip() == str(inside)
    assert ask(RETEMPO_PYTHON=sys.executable).stdout.strip() == sys.executable
    (copy.parent / "python-path").write_text("/no/such/python\n")
    inside.unlink()
    assert ask().returncode == 127


def test_describing_costs_few_calls(bundle: Path, tmp_path: Path) -> None:
    """Hosts describe every effect when they start: what a call costs is theirs to say, how many there are is ours."""
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler on the path; plugins cannot be described in a host of C")
    plugin, program = HERE.parents[1] / "plugin", tmp_path / "describe"
    command = [compiler, "-std=c++17", "-O1", f"-I{plugin}", f"-I{plugin / 'src'}"]
    subprocess.run([*command, str(HERE / "describe_driver.cpp"), "-o", str(program), "-ldl"], check=True)
    done = subprocess.run(
        [str(program), str(find_binary(bundle))], capture_output=True, text=True, check=True
    )
    effects = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["effect"] for one in effects] == [RETIME, INBETWEEN, VECTORS]
    for one in effects:
        assert one["definitions"] > 10
        assert one["calls"] <= 50 + 8 * one["definitions"], (
            one
        )  # nothing is said twice, lists are said at once


def test_a_host_without_parameters_is_refused(bundle: Path) -> None:
    """With a status, not a crash."""
    with OfxHost(suites_withheld={"OfxParameterSuite"}) as host:
        loaded = host.load(bundle)
        assert not loaded
        assert {failure.status for failure in loaded.refused.values()} == {4}  # kOfxStatErrMissingHostFeature

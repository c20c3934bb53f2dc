"""Do the suites of the test host do what the API says, seen from C++?"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from host import FrameSequenceClip, OfxHost
from host.plugin import ActionFailed

HERE = Path(__file__).resolve().parent
CLIP = FrameSequenceClip({n: np.full((4, 5, 4), n / 10, np.float32) for n in range(10)}, colourspace="ACEScg")


def test_every_suite_from_the_plugins_side(dummy_bundles: dict[str, Path]) -> None:
    """The dummy's button uses all suites and writes what went wrong into its text parameter."""
    with OfxHost(threads=3) as host:
        host.talking.cancel = lambda value: value > 0.4
        instance = host.load(dummy_bundles["fully"])["test.dummy.Blend"].create("general", {"Source": CLIP})
        instance.timeline = 2.0
        with pytest.raises(Exception, match="destroyed"):  # the one thing that it does wrong on purpose
            instance.params["button"].press()
        assert instance.params["text"].value == "fine"
        assert instance.timeline == 4.0
        assert [event.event for event in host.talking.progress] == ["start", "update", "end"]
        assert [(message.kind, message.text) for message in host.messages] == [("question", "sure?")]
        host.forgive()


def test_parameters_as_a_user_sees_them(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost() as host:
        plugin = host.load(dummy_bundles["fully"])["test.dummy.Blend"]
        instance = plugin.create("general", {"Source": CLIP}, params={"mode": "Nearest"})
        params = instance.params
        assert params["mode"].options == ("Blend", "Nearest") and params["mode"].value == 1
        assert params["speed"].label == "Speed" and params["speed"].default == 1.0
        assert params["tint"].value == (0.25, 0.5, 0.75, 1.0)
        with pytest.raises(ValueError, match="no option"):
            params["mode"].set("Sharpen")
        with pytest.raises(KeyError, match="there are"):
            _ = params["nothing"]
        params["custom"].keys({0: "1.0", 10: "3.0"})
        assert float(params["custom"].value_at(5)) == 2.0  # by the plugin's own interpolation
        assert params["custom"].value_at(11) == "3.0"


def test_colour_is_negotiated(dummy_bundles: dict[str, Path]) -> None:
    for style, chosen in (("ocio", "ocio"), ("basic", "basic"), ("none", "none")):
        with OfxHost(colour_style=style, ocio_config="ocio://studio-config-latest") as host:
            instance = host.load(dummy_bundles["fully"])["test.dummy.Blend"].create(
                "filter", {"Source": CLIP}
            )
            assert instance.colour_style == chosen
            config = instance.properties.get("OfxImageEffectPropOCIOConfig")
            assert config == ("ocio://studio-config-latest" if chosen == "ocio" else None)
            space = instance.clips["Source"].properties.get("OfxImageClipPropColourspace")
            assert space == (None if chosen == "none" else "ACEScg")
            assert instance.preferred_colourspaces["Source"] == ("ofx_scene_linear",)
            if chosen != "none":
                assert instance.output_colourspace() == "ACEScg"
                assert instance.clips["Output"].properties.get("OfxImageClipPropColourspace") == "ACEScg"


def test_a_host_without_colour_says_unknown(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost() as host:
        plugin = host.load(dummy_bundles["fully"])["test.dummy.Blend"]
        assert "OfxImageEffectPropColourManagementStyle" not in plugin.descriptor.properties
        assert "property not offered" in {note.rule for note in host.notes}
        assert host.violations == []


def test_a_withheld_suite_makes_the_plugin_refuse(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost(suites_withheld={("OfxMessageSuite", 2)}) as host:
        bundle = host.load(dummy_bundles["fully"])
        assert not bundle and isinstance(bundle.refused["test.dummy.Blend"], ActionFailed)
        assert host.suites_refused == [("OfxMessageSuite", 2)] and host.violations == []


def test_a_bundle_is_loaded_and_unloaded_again_and_again(dummy_bundles: dict[str, Path]) -> None:
    for _ in range(3):
        with OfxHost(contexts=("filter",)) as host:
            bundle = host.load(dummy_bundles["fully"])
            assert list(bundle["test.dummy.Blend"].contexts) == ["filter"]
            library = bundle.library
        assert not library.resident()


def test_clips_are_mapped_to_what_the_plugin_takes(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost() as host:
        plugin = host.load(dummy_bundles["fully"])["test.dummy.Blend"]
        matte = FrameSequenceClip({0: np.ones((4, 5), np.float32)}, depth="byte")
        with plugin.create(
            "general", {"Source": FrameSequenceClip(CLIP.frames, depth="half"), "Matte": matte}
        ) as node:
            depths = {
                name: clip.properties.get("OfxImageEffectPropPixelDepth") for name, clip in node.clips.items()
            }
            assert set(depths.values()) == {"OfxBitDepthHalf"}
            raw = node.clips["Matte"].properties.get("OfxImageClipPropUnmappedPixelDepth")
            assert raw == "OfxBitDepthByte"


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_the_command_line_lists_a_bundle(dummy_bundles: dict[str, Path], flags: list[str]) -> None:
    command = [sys.executable, str(HERE / "host"), str(dummy_bundles["whole"]), *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    if flags:
        listing = json.loads(done.stdout)
        plugin = listing["plugins"][0]
        assert plugin["id"] == "test.dummy.Blend" and plugin["contexts"] == ["Retimer", "General", "Filter"]
        assert plugin["described"]["general"]["clips"]["Matte"]["optional"] is True
        assert plugin["described"]["retimer"]["parameters"]["SourceTime"]["type"] == "Double"
        assert listing["violations"] == []
    else:
        assert "test.dummy.Blend 1.2  Test / Dummy" in done.stdout and "clip Matte" in done.stdout


def test_the_command_line_says_what_is_no_bundle(tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "host"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "holds no Contents" in done.stderr

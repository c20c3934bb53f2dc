"""Does the test host notice each rule that an effect breaks, and only those?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from host import ActionFailed, FrameSequenceClip, OfxHost, OfxViolation

FRAMES = {n: np.full((4, 5, 4), n / 10, np.float32) for n in range(10)}
FAULTS = {
    1: "unreleased image",
    2: "property type",
    3: "unknown property",
    4: "frames needed",
    5: "stray write",
    6: "stray write",
    7: "unwritten pixels",
    9: "input written",
    10: "value set at a wrong time",
    11: "unknown suite",
    12: "bad handle",
    13: "progress",
    14: "misplaced property",
    15: "read-only property",
    17: "nested multiThread",
    18: "property index",
    23: "bad free",
}


def build(host: OfxHost, bundle: Path, fault: int):  # type: ignore[no-untyped-def]
    instance = host.load(bundle)["test.dummy.Blend"].create("general", {"Source": FrameSequenceClip(FRAMES)})
    instance.params["speed"].set(0.5)
    instance.params["fault"].set(fault)
    return instance


@pytest.mark.parametrize(("fault", "rule"), FAULTS.items(), ids=FAULTS.values())
def test_a_broken_rule_is_named(dummy_bundles: dict[str, Path], fault: int, rule: str) -> None:
    with OfxHost(strict=False) as host:
        instance = build(host, dummy_bundles["fully"], fault)
        window = (1, 1, 4, 3) if fault == 6 else None
        instance.render(3, window=window, padding=16, margin=2 if fault == 6 else 0)
        assert set(host.core.journal.rules()) == {rule}, "\n".join(map(str, host.violations))


@pytest.mark.parametrize(
    ("fault", "rule", "when"),
    [
        (26, "host's parameter", "press"),
        (28, "edit block", "destroy"),
        (29, "leaked mutex", "close"),
        (30, "late write", "press"),
        (31, "null string", "press"),
    ],
)
def test_rules_outside_of_rendering(dummy_bundles: dict[str, Path], fault: int, rule: str, when: str) -> None:
    host = OfxHost(strict=False)
    plugin = host.load(dummy_bundles["fully"])["test.dummy.Blend"]
    instance = plugin.create("retimer", {"Source": FrameSequenceClip(FRAMES)}, params={"fault": fault})
    instance.params["button"].press()
    assert host.core.journal.rules() == ([rule] if when == "press" else [])
    instance.destroy()
    assert host.core.journal.rules() == ([] if when == "close" else [rule])
    host.close()
    assert host.core.journal.rules() == [rule]


def test_a_retimer_may_not_change_the_depth(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost(strict=False) as host:
        plugin = host.load(dummy_bundles["fully"])["test.dummy.Blend"]
        plugin.create("retimer", {"Source": FrameSequenceClip(FRAMES)}, params={"fault": 27})
        assert host.core.journal.rules() == ["clip preferences"]


def test_strict_mode_raises(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost() as host:
        instance = build(host, dummy_bundles["fully"], 1)
        with pytest.raises(OfxViolation, match="unreleased image"):
            instance.render(3)
        instance.params["fault"].set(0)
        instance.render(3)  # what was raised once is not raised again
        assert host.core.journal.rules() == ["unreleased image"]


def test_leaks_come_to_light_when_the_instance_goes(dummy_bundles: dict[str, Path]) -> None:
    for fault in (8, 21):
        with OfxHost(strict=False) as host:
            instance = build(host, dummy_bundles["fully"], fault)
            instance.render(3)
            assert host.violations == [] and host.memory.bytes_out == 1000
            instance.destroy()
            assert host.core.journal.rules() == ["leaked memory"] and host.memory.bytes_out == 0


def test_a_value_without_a_time_matters_when_it_is_animated(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost(strict=False) as host:
        instance = build(host, dummy_bundles["fully"], 16)
        instance.render(3)
        assert host.violations == [] and "value without a time" in {note.rule for note in host.notes}
        instance.params["speed"].keys({0: 0.5, 4: 0.5})
        instance.render(3)
        assert host.core.journal.rules() == ["value without a time"]


def test_reply_default_after_an_answer_is_no_answer(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost(strict=False) as host:
        assert build(host, dummy_bundles["fully"], 22).frames_needed(3)["Source"] == [(3.0, 3.0)]
        assert host.core.journal.rules() == ["reply default"]


def test_identity_has_to_name_a_clip(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost(strict=False) as host:
        build(host, dummy_bundles["fully"], 25).is_identity(4)
        assert host.core.journal.rules() == ["identity"]


def test_an_own_thread_of_the_plugin_is_told_apart(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost() as host:
        instance = build(host, dummy_bundles["fully"], 24)
        instance.render(3)
        assert len(instance.last_render.fetches) == 3


def test_an_error_carries_the_plugins_message(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost() as host:
        instance = build(host, dummy_bundles["fully"], 19)
        with pytest.raises(ActionFailed, match="kOfxStatFailed") as caught:
            instance.render(3)
        assert caught.value.message == "frame 7 of 'schön' at 12.50% of   3.2, 1234567890123 x"
        assert instance.persistent_message.kind == "error" and instance.persistent_message.id == "id7"
        instance.params["fault"].set(0)
        instance.render(3)
        assert instance.persistent_message is None and len(instance.message_history) == 1


def test_a_faultless_effect_breaks_nothing(dummy_bundles: dict[str, Path]) -> None:
    with OfxHost() as host:
        instance = build(host, dummy_bundles["whole"], 0)
        instance.render(3)
        instance.regions_of_interest(3, instance.output_region(3))
        instance.sync_private_data()
        instance.purge_caches()
        with instance.editing():
            pass
        instance.change_clip("Matte", FrameSequenceClip({0: np.ones((4, 5), np.float32)}))
        instance.change_clip("Matte", None)
        assert instance.time_domain() is None
        host.check()

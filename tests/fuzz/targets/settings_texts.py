"""Do settings that arrive as texts mean something, or are they refused? Lines of ``name=value``, as of a client."""

from __future__ import annotations

from retempo.flow.catalog import names_file, parse_flow
from retempo.flow.vectors import PRESETS
from retempo.server.request_settings import allowed, read_settings

WORDS = tuple(
    name.encode() for name in (*allowed(), *PRESETS, "dis:fine", "scale=", "size=", "true", "ocio://", "4G")
)


def parse(data: bytes) -> None:
    lines = [line.partition("=") for line in data.decode("utf-8", "replace").split("\n")]
    texts = {name: value for name, _, value in lines}
    settings = read_settings({name: value for name, value in texts.items() if name})
    assert settings.fingerprint()
    if not names_file(texts.get("flow", "")):
        parse_flow(texts.get("flow", "dis"))


def seeds() -> dict[str, bytes]:
    return {
        "flow": b"flow=dis:fine,stride=2,size=320+dis:coarse\ntemperature=5.0",
        "colour": b"input_space=ACEScg\nconfig=ocio://default\nflow_space=log\nvector_preset=nuke",
        "cuts": b"cuts=1010,1050\nmotion=quadratic\ncoefficients=10,1,1,10,1,1",
        "device": b"device=cuda:1\nengine=splatsyn\ndeterministic=true",
    }

"""Which small, awkward OCIO configs do the colour tests share?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

HEAD = """ocio_profile_version: {version}
search_path: luts
strictparsing: true
roles:
{roles}
{rules}
displays:
  Screen:
    - !<View> {{name: Plain, colorspace: video}}
colorspaces:
  - !<ColorSpace> {{name: linear, family: "", bitdepth: 32f, isdata: false}}
  - !<ColorSpace>
    name: video
    bitdepth: 8ui
    isdata: false
    to_reference: !<ExponentTransform> {{value: [2.2, 2.2, 2.2, 1]}}
  - !<ColorSpace> {{name: raw, isdata: true}}
  - !<ColorSpace>
    name: negative
    isdata: false
    from_reference: !<MatrixTransform> {{matrix: [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1]}}
  - !<ColorSpace>
    name: lost_lut
    isdata: false
    to_reference: !<FileTransform> {{src: nowhere.spi1d, interpolation: linear}}
"""

LOGS = """  - !<ColorSpace>
    name: clipping_log
    isdata: false
    from_reference: !<GroupTransform>
      children:
        - !<RangeTransform> {{min_in_value: 0, min_out_value: 0, max_in_value: 13, max_out_value: 13}}
        - !<LogAffineTransform> {{base: 2, log_side_slope: 0.1, log_side_offset: 0.5, lin_side_offset: 0.01}}
  - !<ColorSpace>
    name: good_log
    isdata: false
    from_reference: !<LogAffineTransform>
      {{base: 2, log_side_slope: 0.04, log_side_offset: 0.4, lin_side_offset: 0.01}}
"""

ConfigWriter = Callable[..., str]


@pytest.fixture
def write_config(tmp_path: Path) -> ConfigWriter:
    """Function(roles, version=2, default_rule='raw') -> path of a config with those roles."""

    def write(roles: dict[str, str], version: int = 2, default_rule: str = "raw") -> str:
        lines = "\n".join(f"  {role}: {space}" for role, space in {"default": "raw", **roles}.items())
        rules = (
            f"file_rules:\n  - !<Rule> {{name: Default, colorspace: {default_rule}}}" if version > 1 else ""
        )
        text = (HEAD + (LOGS if version > 1 else "")).format(version=version, roles=lines, rules=rules)
        path = tmp_path / "config.ocio"
        path.write_text(text)
        return str(path)

    return write

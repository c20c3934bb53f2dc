"""In which colour space is this file, when nobody says so?

1. A file rule of the config that matches the path (any rule but its catch-all ``Default``) decides. A movie that no
   rule matches goes by the rule for the same name as .mov, .mp4 or .mxf: the built-in configs forget the other
   containers, and what is in a movie does not depend on what it is wrapped in.
2. Else *float* files (EXR, HDR, float TIFF) are taken as the ``scene_linear`` role.
3. Else *integer* files (8/16-bit PNG, TIFF, DPX, JPEG) and *movies* are taken as the config's ``Default``
   rule; if that rule names data or a linear space, which an integer file seldom is, as the first of the
   roles ``texture_paint``, ``color_picking``, ``matte_paint`` that is an encoded space; else as sRGB under
   one of its usual names; else as what the rule says.

Mind that the built-in ACES configs have a rule that sends every ``.exr`` to ACES2065-1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

from retempo.color.config import SCENE_LINEAR, ColorConfig

Kind = Literal["float", "integer", "movie"]

FLOAT_SUFFIXES = frozenset({".exr", ".sxr", ".mxr", ".hdr", ".rgbe", ".pfm"})
MOVIE_SUFFIXES = frozenset(
    {".mov", ".mp4", ".m4v", ".mkv", ".avi", ".webm", ".mxf", ".mpg", ".mpeg", ".ts", ".y4m"}
)
RULED_MOVIES = (".mov", ".mp4", ".mxf")
ENCODED_ROLES = ("texture_paint", "color_picking", "matte_paint")
SRGB_NAMES = ("srgb_rec709_scene", "srgb_tx", "sRGB - Texture", "sRGB", "srgb8", "srgb_display")


class SpaceChoice(NamedTuple):
    """A colour space and the reason for it, as printed by ``retempo info``."""

    space: str
    reason: str


def kind_of(path: str) -> Kind:
    """What kind of file a path promises by its suffix; callers who have the header know better."""
    suffix = Path(path).suffix.lower()
    if suffix in FLOAT_SUFFIXES:
        return "float"
    return "movie" if suffix in MOVIE_SUFFIXES else "integer"


def choose_space(config: ColorConfig, path: str | None, kind: Kind | None = None) -> SpaceChoice:
    """Colour space of a file by the rules above.

    Args:
        path: file or pattern; None skips the config's file rules.
        kind: of the pixels; None derives it from the path's suffix ('float' where there is no path).
    """
    default_rule: str | None = None
    kind = kind or (kind_of(path) if path is not None else "float")
    if path is not None:
        ruled = _ruled(config, path)
        for container in RULED_MOVIES if kind == "movie" else ():
            ruled = ruled or _ruled(config, str(Path(path).with_suffix(container)))
        if ruled is not None:
            return ruled
        space, _ = config.config.getColorSpaceFromFilepath(path)
        if config.config.getColorSpace(space) is not None:
            default_rule = config.space(space)
    if kind == "float":
        space_of_role = config.role(SCENE_LINEAR)
        if space_of_role is not None:
            return SpaceChoice(config.space(space_of_role), "float pixels: the scene_linear role")
        if default_rule is not None:
            return SpaceChoice(default_rule, "the config's Default file rule; it has no scene_linear role")
        return SpaceChoice(config.require_role(SCENE_LINEAR, "float files"), "scene_linear")
    return _encoded_space(config, default_rule, kind)


def _ruled(config: ColorConfig, path: str) -> SpaceChoice | None:
    """What a file rule says of a path, unless it is the catch-all ``Default``."""
    space, index = config.config.getColorSpaceFromFilepath(path)
    if config.config.getColorSpace(space) is None or config.config.filepathOnlyMatchesDefaultRule(path):
        return None
    rule = config.config.getFileRules().getName(index)
    return SpaceChoice(config.space(space), f"file rule '{rule}' of the config")


def _encoded_space(config: ColorConfig, default_rule: str | None, kind: Kind) -> SpaceChoice:
    def is_encoded(space: str) -> bool:
        return not config.is_data(space) and not config.is_linear(space)

    if default_rule is not None and is_encoded(default_rule):
        return SpaceChoice(default_rule, f"{kind} pixels: the config's Default file rule")
    for role in ENCODED_ROLES:
        space = config.role(role)
        if space is not None and is_encoded(config.space(space)):
            return SpaceChoice(config.space(space), f"{kind} pixels: the {role} role")
    for name in SRGB_NAMES:
        if config.config.getColorSpace(name) is not None and is_encoded(name):
            return SpaceChoice(config.space(name), f"{kind} pixels: the config's sRGB space")
    if default_rule is not None:
        return SpaceChoice(default_rule, "the config's Default file rule; it has no sRGB space")
    return SpaceChoice(config.require_role(SCENE_LINEAR, "integer files"), "scene_linear")

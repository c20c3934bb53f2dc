"""What is a channel for: colour, depth, motion, an id? Told from names, types and metadata.

Names are looked at without regard to case. A channel name is ``[layer.]component``; a part of a multi-part
EXR supplies the layer where the channel names have none (``depth_left`` holding ``Z``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

Role = Literal["color", "alpha", "depth", "vector", "id", "cryptomatte", "data"]

_COMPONENT = {
    "r": "r", "red": "r", "g": "g", "green": "g", "b": "b", "blue": "b",
    "a": "a", "alpha": "a", "y": "y",
}  # fmt: skip
_DEPTH_LAYERS = ("depth", "z", "deep", "distance", "zdepth")
_VECTOR_LAYERS = ("forward", "backward", "motion", "vector", "velocity", "mv", "flow", "disparity", "speed")
_ID_LAYERS = ("id", "objectid", "materialid", "indexob", "indexma", "objid", "matid", "instanceid", "idmask")
_BEAUTY_LAYERS = ("", "rgba", "rgb", "beauty", "combined", "viewlayer.combined", "color", "colour")
_CRYPTO_KEY = re.compile(
    r"^(?:.*/)?cryptomatte/([^/]+)/(name|manifest|hash|conversion|manif_file)$", re.IGNORECASE
)


def split(name: str) -> tuple[str, str]:
    """Return (layer, component): ``"diffuse.left.R"`` gives ``("diffuse.left", "R")``."""
    layer, _, component = name.rpartition(".")
    return layer, component


def component(name: str) -> str:
    """Return ``r``, ``g``, ``b``, ``a`` or ``y`` for a colour-like last name, else an empty string."""
    return _COMPONENT.get(split(name)[1].lower(), "")


def cryptomattes(attributes: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Collect Cryptomatte metadata: ``{layer name: {"key", "name", "manifest", "hash", "conversion"}}``.

    Follows the Cryptomatte specification 1.2: ``cryptomatte/<key>/name`` names a layer, whose channels are
    ``<name>00.r``, ``<name>00.g``, ...; the layer itself (no number) is a preview.
    """
    found: dict[str, dict[str, str]] = {}
    for key, value in attributes.items():
        match = _CRYPTO_KEY.match(key)
        if match:
            found.setdefault(match[1], {"key": match[1]})[match[2].lower()] = str(value)
    return {entry["name"]: entry for entry in found.values() if entry.get("name")}


def _words(layer: str) -> list[str]:
    """Split a layer name into lower-case words without trailing digits: ``forward_left`` -> forward, left."""
    flat = re.sub(r"([a-z])([A-Z])", r"\1_\2", layer)
    return [re.sub(r"\d+$", "", word).lower() for word in re.split(r"[._\s/-]+", flat) if word]


def _in_cryptomatte(layer: str, names: Iterable[str]) -> bool:
    return any(re.fullmatch(re.escape(name) + r"(\d{2,})?", layer) for name in names if name)


def role(
    name: str,
    part: str = "",
    *,
    integer: bool = False,
    crypto: Iterable[str] = (),
) -> Role:
    """Tell what one channel is for.

    Args:
        name: the full channel name, e.g. ``forward.u``, ``diffuse.R``, ``Z``.
        part: name of the part (subimage) that holds it; used when the channel has no layer of its own.
        integer: the file stores it as a 32-bit integer (EXR UINT): always an id.
        crypto: names of the Cryptomatte layers, from :func:`cryptomattes`.

    Returns:
        ``color``, ``alpha``, ``depth``, ``vector``, ``id``, ``cryptomatte`` or ``data`` (any other AOV:
        normals, positions, masks).
    """
    layer, last = split(name)
    holder = layer or part
    crypto = tuple(crypto)
    if _in_cryptomatte(holder, crypto) or _in_cryptomatte(name, crypto):
        return "cryptomatte"
    if integer:
        return "id"
    low, words = last.lower(), _words(holder)
    if (
        not layer
        and low in ("r", "g", "b", "a", "red", "green", "blue", "alpha", "y")
        and not _is_special(words)
    ):
        return "alpha" if low in ("a", "alpha") else "color"
    if low in _ID_LAYERS or re.sub(r"[_\d]", "", low) in _ID_LAYERS:
        return "id"
    whole = {re.sub(r"\d+$", "", word) for word in re.split(r"[.\s/-]+", holder.lower().replace("_", ""))}
    if any(word in _ID_LAYERS for word in words) or whole & set(_ID_LAYERS):
        return "id"
    if low in ("z", "zback", "depth") and (not words or words[0] in _DEPTH_LAYERS or not layer):
        return "depth"
    if words and (words[0] in _DEPTH_LAYERS or words[-1] in _DEPTH_LAYERS):
        return "alpha" if low in ("a", "alpha") else "depth"
    if any(word in _VECTOR_LAYERS for word in words) or re.sub(r"[_\d]", "", low) in ("mvx", "mvy"):
        return "alpha" if low in ("a", "alpha") and len(words) > 0 else "vector"
    part_of_color = _COMPONENT.get(low, "")
    if part_of_color == "a":
        return "alpha"
    if part_of_color in ("r", "g", "b"):
        return "color"
    return "data"


def _is_special(words: Sequence[str]) -> bool:
    """Tell whether a part's own name says that its R, G, B are not colour."""
    names = {*words, "".join(words)}
    return bool(names & {*_VECTOR_LAYERS, *_DEPTH_LAYERS, *_ID_LAYERS})


def is_id(kind: Role) -> bool:
    """Tell whether channels of this role are sampled, never blended."""
    return kind in ("id", "cryptomatte")


def color_groups(names: Sequence[str], part: str = "") -> list[tuple[int, ...]]:
    """Find the colour triples among channel names, the beauty first.

    Args:
        names: channel names in array order.
        part: name of the part that holds them.

    Returns:
        One tuple a layer: ``(R, G, B)`` or ``(R, G, B, A)`` indices. A grey image (``Y`` alone) gives
        ``(Y, Y, Y)``, so that it can be read as colour; empty when there is none.
    """
    layers: dict[str, dict[str, int]] = {}
    for index, name in enumerate(names):
        kind, key = role(name, part), component(name)
        if kind in ("color", "alpha") and key:
            layers.setdefault(split(name)[0], {}).setdefault(key, index)
    groups: list[tuple[int, int, tuple[int, ...]]] = []
    for layer, found in layers.items():
        if all(key in found for key in "rgb"):
            triple: tuple[int, ...] = (found["r"], found["g"], found["b"])
        elif not layer and "y" in found:
            triple = (found["y"],) * 3
        else:
            continue
        rank = _BEAUTY_LAYERS.index(layer.lower()) if layer.lower() in _BEAUTY_LAYERS else len(_BEAUTY_LAYERS)
        if rank == len(_BEAUTY_LAYERS) and layer.lower().endswith(".combined"):
            rank -= 1
        groups.append((rank, len(groups), triple + ((found["a"],) if "a" in found else ())))
    return [group for _, _, group in sorted(groups)]

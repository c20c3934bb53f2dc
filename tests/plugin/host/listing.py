"""How is a bundle's description shown to a reader or a program?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from host import constants as k

if TYPE_CHECKING:
    from host.host import Bundle


def _short(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    for prefix in (
        "OfxImageEffectContext",
        "OfxBitDepth",
        "OfxImageComponent",
        "OfxParamType",
        "OfxImageEffectRender",
    ):
        value = value.removeprefix(prefix)
    return value


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """Plugins, contexts, clips and parameters as plain data."""
    plugins = []
    for plugin in bundle.values():
        properties = plugin.descriptor.properties
        contexts = {}
        for name, context in plugin.contexts.items():
            contexts[name] = {
                "clips": {clip.name: _describe_clip(clip) for clip in context.clips.values()},
                "parameters": {
                    param.name: _describe_param(param) for param in context.params.members.values()
                },
            }
        plugins.append(
            {
                "id": plugin.id,
                "version": ".".join(map(str, plugin.version)),
                "label": properties.get(k.kOfxPropLabel),
                "group": properties.get(k.kOfxImageEffectPluginPropGrouping),
                "contexts": [_short(c) for c in properties.all(k.kOfxImageEffectPropSupportedContexts)],
                "depths": [_short(d) for d in properties.all(k.kOfxImageEffectPropSupportedPixelDepths)],
                "threads": plugin.thread_safety,
                "tiles": bool(properties.get(k.kOfxImageEffectPropSupportsTiles)),
                "temporal": bool(properties.get(k.kOfxImageEffectPropTemporalClipAccess)),
                "describe_ms": round(plugin.describe_seconds * 1e3, 2),
                "described": contexts,
            }
        )
    refused = {name: str(failure) for name, failure in bundle.refused.items()}
    return {"bundle": str(bundle.path), "plugins": plugins, "refused": refused}


def _describe_clip(clip: Any) -> dict[str, Any]:
    return {
        "components": [_short(c) for c in clip.supported],
        "optional": clip.optional,
        "temporal": bool(clip.properties.get(k.kOfxImageEffectPropTemporalClipAccess)),
    }


def _describe_param(param: Any) -> dict[str, Any]:
    properties = param.properties
    found: dict[str, Any] = {"type": _short(param.type), "label": properties.get(k.kOfxPropLabel)}
    if properties.get(k.kOfxParamPropParent):
        found["parent"] = properties.get(k.kOfxParamPropParent)
    if param.shape:
        found["default"] = list(properties.all(k.kOfxParamPropDefault))
        found["animates"] = bool(properties.get(k.kOfxParamPropAnimates))
    for key, name in (
        ("min", k.kOfxParamPropMin), ("max", k.kOfxParamPropMax),
        ("options", k.kOfxParamPropChoiceOption), ("hint", k.kOfxParamPropHint),
    ):  # fmt: skip
        values = [
            v
            for v in properties.all(name)
            if v != "" and not (isinstance(v, float | int) and abs(v) >= 2**31 - 1)
        ]
        if values:
            found[key] = values[0] if key == "hint" else values
    if properties.get(k.kOfxParamPropSecret):
        found["secret"] = True
    return found


def print_bundle(listing: dict[str, Any]) -> None:
    """The listing as text on standard output."""
    print(listing["bundle"])
    for plugin in listing["plugins"]:
        print(f"\n{plugin['id']} {plugin['version']}  {plugin['group']} / {plugin['label']}")
        print(
            f"  {', '.join(plugin['contexts'])}; {', '.join(plugin['depths'])}; threads: {plugin['threads']};"
            f" tiles: {plugin['tiles']}; temporal: {plugin['temporal']}; described in {plugin['describe_ms']} ms"
        )
        for name, context in plugin["described"].items():
            print(f"  in {name}:")
            for clip, facts in context["clips"].items():
                marks = [m for m in ("optional", "temporal") if facts[m]]
                print(f"    clip {clip}: {'/'.join(facts['components'])} {' '.join(marks)}".rstrip())
            for param, facts in context["parameters"].items():
                extra = "".join(
                    f"  {key}={facts[key]}"
                    for key in ("default", "min", "max", "options", "parent")
                    if key in facts
                )
                print(f"    {facts['type']:<10} {param}: {facts['label']}{extra}")
    for kind in ("refused", "violations", "notes", "messages"):
        rows = (
            listing[kind].items() if isinstance(listing[kind], dict) else [(text,) for text in listing[kind]]
        )
        if rows:
            print(f"\n{kind}:")
        for row in rows:
            print("  " + ": ".join(row))
    sys.stdout.flush()

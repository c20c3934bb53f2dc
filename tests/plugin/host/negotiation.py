"""In which depth, components and colour space do host and plugin exchange pictures?

GetClipPreferences by the rules of the reference manual's clip preferences chapter: what the host offers,
what the plugin may change in which context, what comes of it; and the colour management of OpenFX 1.5.
The test host never converts colours: it says what each clip is in and records what was asked for.
"""

from __future__ import annotations

from typing import Any

from host import constants as k
from host.actions import TRAPPED
from host.properties import Spec
from host.property_tables import VALUES, read_specs

_DEPTH_ORDER = (k.kOfxBitDepthByte, k.kOfxBitDepthShort, k.kOfxBitDepthHalf, k.kOfxBitDepthFloat)
_COMPONENT_ORDER = (k.kOfxImageComponentRGBA, k.kOfxImageComponentRGB, k.kOfxImageComponentAlpha)
STYLES = {
    "none": k.kOfxImageEffectColourManagementNone,
    "basic": k.kOfxImageEffectColourManagementBasic,
    "core": k.kOfxImageEffectColourManagementCore,
    "full": k.kOfxImageEffectColourManagementFull,
    "ocio": k.kOfxImageEffectColourManagementOCIO,
}
_RANK = list(STYLES.values())


def map_depth(depth: str, supported: tuple[str, ...]) -> str:
    """The supported depth that loses least: the next deeper one, else the deepest."""
    ranked = sorted((d for d in supported if d in _DEPTH_ORDER), key=_DEPTH_ORDER.index)
    if not ranked:
        return depth
    return next((d for d in ranked if _DEPTH_ORDER.index(d) >= _DEPTH_ORDER.index(depth)), ranked[-1])


class Negotiation:
    """Clip preferences and colour of ``Instance``.

    Attributes:
        frame_varying: what the plugin says of its output.
        preferred_colourspaces: what it asked for, by clip.
    """

    frame_varying = False
    preferred_colourspaces: dict[str, tuple[str, ...]] = {}  # noqa: RUF012 - replaced by negotiate

    def _defaults(self: Any) -> dict[str, tuple[str, str]]:
        """Depth and components of every clip, as the host would have them."""
        supported = self.descriptor.properties.all(k.kOfxImageEffectPropSupportedPixelDepths)
        native = {
            name: (
                clip.properties.get(k.kOfxImageClipPropUnmappedPixelDepth),
                clip.properties.get(k.kOfxImageClipPropUnmappedComponents),
            )
            for name, clip in self.connected.items()
        }
        depths = sorted((d for d, _ in native.values()), key=_DEPTH_ORDER.index)
        common = map_depth(depths[-1] if depths else k.kOfxBitDepthFloat, supported)
        found = {}
        for name, (depth, components) in native.items():
            allowed = self.clips[name].definition.supported
            fitting = (
                components
                if components in allowed
                else next((c for c in _COMPONENT_ORDER if c in allowed), "")
            )
            found[name] = (map_depth(depth, supported) if self._mixed_depths() else common, fitting)
        allowed = self.clips[k.kOfxImageEffectOutputClipName].definition.supported
        if (
            self.context in (k.kOfxImageEffectContextFilter, k.kOfxImageEffectContextRetimer)
            and "Source" in found
        ):
            wanted = found["Source"][1]
        else:
            wanted = next(
                (c for c in _COMPONENT_ORDER if c in {x for _, x in found.values()}), _COMPONENT_ORDER[0]
            )
        if wanted not in allowed:
            wanted = next((c for c in _COMPONENT_ORDER if c in allowed), wanted)
        found[k.kOfxImageEffectOutputClipName] = (common, wanted)
        return found

    def _mixed_depths(self: Any) -> bool:
        return bool(
            self.plugin.host.multiple_depths
            and self.descriptor.properties.get(k.kOfxImageEffectPropSupportsMultipleClipDepths)
        )

    def negotiate(self: Any) -> None:
        """GetClipPreferences: agree on the clips' formats and set them."""
        defaults = self._defaults()
        clips, host = self.clips, self.plugin.host
        aspects = [clip.source.pixel_aspect for clip in self.connected.values()] or [1.0]
        premultiplication = self._default_premultiplication()
        source = next(iter(self.connected.values()), None)
        rate = source.properties.get(k.kOfxImageEffectPropFrameRate) if source else 24.0
        order = source.properties.get(k.kOfxImageClipPropFieldOrder) if source else k.kOfxImageFieldNone
        outputs = [
            Spec(k.kOfxImageEffectPropFrameRate, "double", 1, "plugin", (rate,)),
            Spec(k.kOfxImageClipPropFieldOrder, "string", 1, "plugin", (order,), VALUES[k.kOfxImageClipPropFieldOrder]),
            Spec(
                k.kOfxImageEffectPropPreMultiplication, "string", 1, "plugin", (premultiplication,),
                VALUES[k.kOfxImageEffectPropPreMultiplication],
            ),
            Spec(k.kOfxImageClipPropContinuousSamples, "int", 1, "plugin", (0,), (0, 1)),
            Spec(k.kOfxImageEffectFrameVarying, "int", 1, "plugin", (0,), (0, 1)),
        ]  # fmt: skip
        for name, (depth, components) in defaults.items():
            outputs.append(Spec(k.CLIP_DEPTH + name, "string", 1, "plugin", (depth,)))
            outputs.append(Spec(k.CLIP_COMPONENTS + name, "string", 1, "plugin", (components,)))
            outputs.append(Spec(k.CLIP_PAR + name, "double", 1, "plugin", (min(aspects),)))
            if host.colour_style:
                outputs.append(Spec(k.CLIP_COLOURSPACES + name, "string", 0, "plugin"))
        _, out = self.plugin.ask(
            k.kOfxImageEffectActionGetClipPreferences, self, [], outputs, accepted=TRAPPED
        )
        self._check_preferences(defaults, out, rate, order, min(aspects))
        for name in defaults:
            put = clips[name].properties.put
            put(k.kOfxImageEffectPropPixelDepth, out.get(k.CLIP_DEPTH + name))
            put(k.kOfxImageEffectPropComponents, out.get(k.CLIP_COMPONENTS + name))
            put(k.kOfxImagePropPixelAspectRatio, out.get(k.CLIP_PAR + name))
            if host.colour_style:
                put(k.kOfxImageClipPropPreferredColourspaces, *out.all(k.CLIP_COLOURSPACES + name))
        self.preferred_colourspaces = {name: out.all(k.CLIP_COLOURSPACES + name) for name in defaults}
        put = clips[k.kOfxImageEffectOutputClipName].properties.put
        put(k.kOfxImageEffectPropPreMultiplication, out.get(k.kOfxImageEffectPropPreMultiplication))
        put(k.kOfxImageClipPropFieldOrder, out.get(k.kOfxImageClipPropFieldOrder))
        put(k.kOfxImageEffectPropFrameRate, out.get(k.kOfxImageEffectPropFrameRate))
        put(k.kOfxImageEffectPropUnmappedFrameRate, rate)
        put(k.kOfxImageClipPropContinuousSamples, out.get(k.kOfxImageClipPropContinuousSamples))
        for name in (k.kOfxImageEffectPropFrameRange, k.kOfxImageEffectPropUnmappedFrameRange):
            put(name, *self.timeline_bounds)
        put(k.kOfxImageClipPropUnmappedPixelDepth, defaults[k.kOfxImageEffectOutputClipName][0])
        put(k.kOfxImageClipPropUnmappedComponents, defaults[k.kOfxImageEffectOutputClipName][1])
        self.frame_varying = bool(out.get(k.kOfxImageEffectFrameVarying))

    def _default_premultiplication(self: Any) -> str:
        states = {
            clip.properties.get(k.kOfxImageEffectPropPreMultiplication) for clip in self.connected.values()
        }
        for state in (k.kOfxImagePreMultiplied, k.kOfxImageUnPreMultiplied):
            if state in states:
                return state
        return k.kOfxImageOpaque

    def _check_preferences(
        self: Any, defaults: dict[str, tuple[str, str]], out: Any, rate: float, order: str, aspect: float
    ) -> None:
        def complain(text: str) -> None:
            self.plugin.host.core.journal.violate("clip preferences", str(self), text)

        host, properties = self.plugin.host, self.descriptor.properties
        supported = properties.all(k.kOfxImageEffectPropSupportedPixelDepths)
        general = self.context == k.kOfxImageEffectContextGeneral
        for name, (depth, components) in defaults.items():
            mandated = not self.clips[name].definition.optional
            new_depth, new_components = out.get(k.CLIP_DEPTH + name), out.get(k.CLIP_COMPONENTS + name)
            if new_depth != depth:
                if not self._mixed_depths() or (self.context == k.kOfxImageEffectContextRetimer and mandated):
                    complain(f"depth of {name} changed to {new_depth}, which is not allowed here")
                elif new_depth not in supported:
                    complain(f"depth of {name} changed to {new_depth}, which the plugin does not support")
            if new_components != components:
                if not general and mandated:
                    complain(
                        f"components of {name} changed to {new_components} in the context {self.context}"
                    )
                elif new_components not in self.clips[name].definition.supported:
                    complain(
                        f"components of {name} changed to {new_components}, which the clip does not support"
                    )
            multiple = host.multiple_aspects and properties.get(k.kOfxImageEffectPropSupportsMultipleClipPARs)
            if out.get(k.CLIP_PAR + name) != aspect and not multiple:
                complain(f"pixel aspect ratio of {name} changed")
        if out.get(k.kOfxImageEffectPropFrameRate) != rate and not host.setable_frame_rate:
            complain("frame rate changed; the host does not let it")
        if out.get(k.kOfxImageClipPropFieldOrder) != order and not host.setable_fielding:
            complain("fielding changed; the host does not let it")

    # ---- colour

    @property
    def colour_style(self: Any) -> str:
        """The style that was agreed: none, basic, core, full or ocio."""
        value = self.properties.get(k.kOfxImageEffectPropColourManagementStyle)
        return next((name for name, style in STYLES.items() if style == value), "none")

    def _choose_colour_style(self: Any) -> None:
        """The highest style that both know; its properties on the instance."""
        host = self.plugin.host
        if not host.colour_style:
            return
        asked = self.descriptor.properties.get(k.kOfxImageEffectPropColourManagementStyle)
        chosen = _RANK[min(_RANK.index(STYLES[host.colour_style]), _RANK.index(asked))]
        configs = self.descriptor.properties.all(k.kOfxImageEffectPropColourManagementAvailableConfigs)
        shared = [config for config in host.colour_configs if config in configs]
        if chosen != STYLES["none"] and not shared:
            self.plugin.host.core.journal.note("colour management", str(self), "no config in common")
            chosen = STYLES["none"]
        put = self.properties.put
        put(k.kOfxImageEffectPropColourManagementStyle, chosen)
        put(k.kOfxImageEffectPropColourManagementConfig, shared[0] if shared else "")
        extra = {k.kOfxImageEffectPropDisplayColourspace: host.display_colourspace}
        if chosen == STYLES["ocio"]:
            extra = {
                k.kOfxImageEffectPropOCIOConfig: host.ocio_config,
                k.kOfxImageEffectPropOCIODisplay: host.ocio_display,
                k.kOfxImageEffectPropOCIOView: host.ocio_view,
            }
        for name, value in extra.items():
            if chosen != STYLES["none"] and value:
                self.properties.add(read_specs(f"{name} s 1 h")[0])
                put(name, value)
        if chosen == STYLES["none"]:
            for clip in self.clips.values():
                clip.properties.remove(k.kOfxImageClipPropColourspace)

    def output_colourspace(self: Any, *preferred: str) -> str:
        """GetOutputColourspace: what the output is in; a cross reference is resolved to the clip's own space."""
        if self.colour_style == "none":
            raise ValueError("no colour management was agreed on")
        source = next(iter(self.connected), "")
        default = f"OfxColourspace_{source}"
        inputs = [
            Spec(k.kOfxImageClipPropPreferredColourspaces, "string", 0, "host", preferred or (default,))
        ]
        outputs = [Spec(k.kOfxImageClipPropColourspace, "string", 1, "plugin", (default,))]
        _, out = self.plugin.ask(
            k.kOfxImageEffectActionGetOutputColourspace, self, inputs, outputs, accepted=TRAPPED
        )
        value = out.get(k.kOfxImageClipPropColourspace)
        clip = self.inputs.get(value.removeprefix("OfxColourspace_"))
        if value.startswith("OfxColourspace_"):
            if clip is None:
                self.plugin.host.core.journal.violate("colourspace", str(self), f"{value} names no input")
            else:
                value = clip.properties.get(k.kOfxImageClipPropColourspace, 0, "")
        output = self.clips[k.kOfxImageEffectOutputClipName].properties
        if value:
            output.add(read_specs("kOfxImageClipPropColourspace s 1 h")[0])
            output.put(k.kOfxImageClipPropColourspace, value)
        return value

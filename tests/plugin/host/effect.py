"""What is an effect: its description in a context, and an instance with clips and parameters?

The actions of an instance live in ``actions.py`` (questions), ``rendering.py`` (pictures) and
``negotiation.py`` (clip preferences and colour); ``Instance`` is the three together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from host import constants as k
from host.actions import Actions
from host.clips import ClipDefinition, ClipInstance, FrameSequenceClip
from host.core import Context
from host.images import Rect
from host.negotiation import Negotiation
from host.parameters import Param, ParamSet
from host.property_tables import COLOUR_TABLES, TABLES, read_specs
from host.rendering import Rendering

if TYPE_CHECKING:
    from host.plugin import Plugin

MANDATED_PARAMS = {
    k.kOfxImageEffectContextRetimer: (k.kOfxImageEffectRetimerParamName,),
    k.kOfxImageEffectContextTransition: (k.kOfxImageEffectTransitionParamName,),
}
MANDATED_CLIPS = {
    k.kOfxImageEffectContextRetimer: (k.kOfxImageEffectSimpleSourceClipName,),
    k.kOfxImageEffectContextFilter: (k.kOfxImageEffectSimpleSourceClipName,),
    k.kOfxImageEffectContextTransition: (
        k.kOfxImageEffectTransitionSourceFromClipName, k.kOfxImageEffectTransitionSourceToClipName,
    ),
}  # fmt: skip


class Descriptor:
    """A plugin's description: the general one, or that of one context."""

    def __init__(self, plugin: Plugin, context: str = "", base: Descriptor | None = None) -> None:
        core = plugin.host.core
        self.plugin, self.context = plugin, context
        self.describing = ""  # the describe action that is under way
        specs = read_specs(TABLES["EffectDescriptor"]) + read_specs(TABLES["ParameterSet"])
        if plugin.host.colour_style:
            specs += read_specs(COLOUR_TABLES["EffectDescriptor"])
        self.properties = core.make_properties("EffectDescriptor", str(self), specs)
        if base is not None:
            for name, values in base.properties.as_dict().items():
                self.properties.put(name, *values)
        self.properties.handle = core.handles.open(self.properties)
        self.handle = core.handles.open(self)
        self.params = ParamSet(core, self)
        if base is not None:
            self.params.members.update(base.params.members)
        self.clips: dict[str, ClipDefinition] = {}
        self.edits_open = 0

    def __str__(self) -> str:
        short = self.context.removeprefix("OfxImageEffectContext").lower()
        return f"{self.plugin.id} ({short})" if short else self.plugin.id


class Instance(Actions, Negotiation, Rendering):
    """One node in a composition, made by ``Plugin.create``.

    Attributes:
        params: parameters by name. clips: clips by name, ``Output`` among them.
        persistent_message: what the plugin says to the user, or None. message_history: all that it said.
        timeline: the current time. timeline_bounds: the project's first and last frame.
        last_render: what happened in the latest render (``RenderLog``).
    """

    def __init__(
        self,
        plugin: Plugin,
        descriptor: Descriptor,
        clips: Mapping[str, FrameSequenceClip | None],
        project: tuple[int, int] | None,
        interactive: bool,
    ) -> None:
        core = plugin.host.core
        self.plugin, self.descriptor, self.context = plugin, descriptor, descriptor.context
        self.describing = None
        self.number = plugin.next_number()
        self.mandated_params = MANDATED_PARAMS.get(self.context, ())
        self.active: list[Context] = []
        self.plugin_edits: list[str] = []
        self.edits_open = 0
        self.progress_open = False
        self.persistent_message: Any = None
        self.message_history: list[Any] = []
        self.destroyed = False
        self._sequence: Any = None
        self.last_render: Any = None
        sources = [clip for clip in clips.values() if clip]
        region = next((c.region((c.frame_range or (0, 0))[0]) for c in sources), Rect(0, 0, 64, 48))
        size = project or (region.x2, region.y2)
        ranges = [clip.frame_range or (0.0, 0.0) for clip in sources] or [(1.0, 1.0)]
        self.timeline_bounds = (float(min(a for a, _ in ranges)), float(max(b for _, b in ranges)))
        self.timeline = self.timeline_bounds[0]

        specs = read_specs(TABLES["EffectInstance"]) + read_specs(TABLES["ParameterSet"])
        if plugin.host.colour_style:
            specs += read_specs(COLOUR_TABLES["EffectInstance"])
        self.properties = core.make_properties("EffectInstance", str(self), specs)
        put, described = self.properties.put, descriptor.properties
        put(k.kOfxImageEffectPropContext, self.context)
        put(k.kOfxImageEffectPropPluginHandle, plugin.descriptor.handle)
        put(k.kOfxPropPluginDescription, described.get(k.kOfxPropPluginDescription))
        for name in (k.kOfxImageEffectPropProjectSize, k.kOfxImageEffectPropProjectExtent):
            put(name, float(size[0]), float(size[1]))
        put(
            k.kOfxImageEffectInstancePropEffectDuration, self.timeline_bounds[1] - self.timeline_bounds[0] + 1
        )
        put(k.kOfxImageEffectPropFrameRate, float(sources[0].fps if sources else 24.0))
        put(k.kOfxPropIsInteractive, int(interactive))
        for name in (k.kOfxImageEffectInstancePropSequentialRender, k.kOfxImageEffectPropSupportsTiles):
            put(name, described.get(name))
        self.properties.handle = core.handles.open(self.properties)
        self.handle = core.handles.open(self)

        unknown = set(clips) - set(descriptor.clips)
        if unknown:
            raise KeyError(f"no clip {', '.join(sorted(unknown))}; there are {', '.join(descriptor.clips)}")
        self.params = ParamSet(core, self)
        types = core.personality.types
        for name, definition in descriptor.params.members.items():
            if types is not None and definition.type not in types:
                break
            self.params.members[name] = Param(core, definition, self)
        self.clips = {
            name: ClipInstance(core, definition, self, clips.get(name))
            for name, definition in descriptor.clips.items()
        }
        self._choose_colour_style()

    def __str__(self) -> str:
        return f"{self.descriptor} #{self.number}"

    @property
    def inputs(self) -> dict[str, ClipInstance]:
        """Clips but the output."""
        return {name: clip for name, clip in self.clips.items() if not clip.is_output}

    @property
    def connected(self) -> dict[str, ClipInstance]:
        """Inputs with something behind them."""
        return {name: clip for name, clip in self.inputs.items() if clip.source is not None}

    def __enter__(self) -> Instance:
        return self

    def __exit__(self, *exc: object) -> None:
        self.destroy()

    def destroy(self) -> None:
        """DestroyInstance; leaks of this instance are recorded. Harmless a second time."""
        if self.destroyed:
            return
        self.destroyed = True
        self.plugin.forget(self)
        try:
            self.plugin.act(
                k.kOfxActionDestroyInstance, self, accepted=(k.kOfxStatOK, k.kOfxStatReplyDefault)
            )
        finally:
            journal, handles = self.plugin.host.core.journal, self.plugin.host.core.handles
            self.plugin.host.memory.report_leaks(self, f"{self} destroyed")
            if self.edits_open > 0:
                journal.violate("edit block", str(self), "paramEditBegin without paramEditEnd")
            for clip in self.clips.values():
                clip.close()
            for param in self.params.members.values():
                handles.close(param.handle, f"parameter {param.name}")
                handles.close(param.properties.handle, f"properties of parameter {param.name}")
            handles.close(self.params.handle, f"parameters of {self}")
            handles.close(self.properties.handle, f"properties of {self}")
            handles.close(self.handle, f"{self}, destroyed")
        self.plugin.host.raise_if_strict()

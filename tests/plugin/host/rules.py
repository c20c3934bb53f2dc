"""Does a description hold together: contexts, clips and parameters that the context demands?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from host import constants as k
from host.journal import Journal

if TYPE_CHECKING:
    from host.effect import Descriptor


def check_description(descriptor: Descriptor, journal: Journal) -> None:
    """What Describe has to set."""
    for name in (k.kOfxImageEffectPropSupportedContexts, k.kOfxImageEffectPropSupportedPixelDepths):
        if not descriptor.properties.all(name):
            journal.violate("description", str(descriptor), f"{name} is not set")
    if not descriptor.properties.get(k.kOfxPropLabel):
        journal.note("description", str(descriptor), "it has no label")


def check_context(descriptor: Descriptor, journal: Journal) -> None:
    """What DescribeInContext has to define, and whether names in it lead somewhere."""
    from host.effect import MANDATED_CLIPS, MANDATED_PARAMS

    def complain(text: str) -> None:
        journal.violate("description", str(descriptor), text)

    mandated = MANDATED_CLIPS.get(descriptor.context, ())
    for name in (*mandated, k.kOfxImageEffectOutputClipName):
        if name not in descriptor.clips:
            complain(f"clip {name} is mandated and was not defined")
        elif descriptor.clips[name].optional:
            complain(f"clip {name} is mandated and cannot be optional")
    for name, clip in descriptor.clips.items():
        if not clip.supported:
            complain(f"clip {name} supports no components")
        free = (
            descriptor.context == k.kOfxImageEffectContextGeneral or name == k.kOfxImageEffectOutputClipName
        )
        if not free and name not in mandated and not clip.optional:
            complain(f"clip {name} has to be optional in this context")
    for name in MANDATED_PARAMS.get(descriptor.context, ()):
        if name not in descriptor.params or descriptor.params[name].type != k.kOfxParamTypeDouble:
            complain(f"double parameter {name} is mandated and was not defined")
        elif descriptor.params[name].properties.written:
            written = ", ".join(sorted(descriptor.params[name].properties.written))
            complain(f"parameter {name} belongs to the host; {written} was set on it")
    _check_parameters(descriptor, complain)


def _check_parameters(descriptor: Descriptor, say: Callable[[str], None]) -> None:
    params = descriptor.params.members
    for name, param in params.items():
        properties = param.properties
        parent = properties.get(k.kOfxParamPropParent)
        if parent and (parent not in params or params[parent].type != k.kOfxParamTypeGroup):
            say(f"parameter {name} lies in {parent!r}, which is no group")
        default = properties.all(k.kOfxParamPropDefault)
        if param.type == k.kOfxParamTypeChoice:
            options = properties.all(k.kOfxParamPropChoiceOption)
            if not 0 <= default[0] < len(options):
                say(f"choice {name} has {len(options)} options and the default {default[0]}")
        low, high = properties.all(k.kOfxParamPropMin), properties.all(k.kOfxParamPropMax)
        if any(not a <= v <= b for a, v, b in zip(low, default, high, strict=False)):
            say(f"parameter {name}: default {default} is not within {low}..{high}")
        shown = properties.all(k.kOfxParamPropDisplayMin), properties.all(k.kOfxParamPropDisplayMax)
        if any(a > b for a, b in zip(*shown, strict=False)):
            say(f"parameter {name}: display range {shown[0]}..{shown[1]}")
        skip = (k.kOfxParamPageSkipRow, k.kOfxParamPageSkipColumn)
        for child in properties.all(k.kOfxParamPropPageChild):
            if child not in params and child not in skip:
                say(f"page {name} shows {child!r}, which is no parameter")
    for name in descriptor.properties.all(k.kOfxImageEffectPropClipPreferencesSlaveParam):
        if name not in params:
            say(f"clip preferences depend on {name!r}, which is no parameter")

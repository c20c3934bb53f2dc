"""How do hosts differ that plugins meet? Each as data, from what its own source says; none of their code is here.

``OfxHost.like("natron")`` is the strict host with the manners of another one. What a file says was read, in the
version that a public archive keeps; the hosts themselves were not run (but for MLT, see ../README.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from host import constants as k

_LIBRARY_SUITES = frozenset(
    {
        (k.kOfxPropertySuite, 1), (k.kOfxImageEffectSuite, 1), (k.kOfxParameterSuite, 1), (k.kOfxMemorySuite, 1),
        (k.kOfxMultiThreadSuite, 1), (k.kOfxMessageSuite, 1), (k.kOfxMessageSuite, 2), (k.kOfxProgressSuite, 1),
        (k.kOfxProgressSuite, 2), (k.kOfxTimeLineSuite, 1),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Personality:
    """What is told of one host.

    Attributes:
        facts: in which file what was read, on a line each or two.
        options: arguments of ``OfxHost``.
        suites: (name, version) that it has; None: all that there are.
        unknown: kind of property set -> properties that it does not know (kOfxStatErrUnknown).
        announces: it calls OfxSetHost before it looks at the plugins.
        scans: it describes and unloads every plugin of a bundle, and loads the one that is wanted again.
        contexts: those that nodes are made in, the preferred one first.
        types: parameter types that it makes; None: all. At the first other one it stops making any.
        values: parameter type -> the value that all of that type have, whatever was set; None: refused
            (kOfxStatErrMissingHostFeature), and so is every change.
        formats: messages are formatted with their arguments.
        lags: progress is not shown yet when the plugin tells of it, which is answered as if it were cancelled.
        nests: a value that the plugin sets is told of at once, inside of the call that sets it.
        asks_regions: GetRegionsOfInterest is passed even where the effect has no tiles.
        image: properties that all images have, whatever they hold.
        ranges: clips say which frames they have.
        render: arguments of its renders.
    """

    facts: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    suites: frozenset[tuple[str, int]] | None = None
    unknown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    announces: bool = True
    scans: bool = False
    contexts: tuple[str, ...] = ("retimer", "general", "filter")
    types: tuple[str, ...] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    formats: bool = True
    lags: bool = False
    nests: bool = False
    asks_regions: bool = True
    image: Mapping[str, Any] = field(default_factory=dict)
    ranges: bool = True
    render: Mapping[str, Any] = field(default_factory=dict)


STRICT = Personality()

HOSTSUPPORT = Personality(
    facts="""
HostSupport/src/ofxhImageEffectAPI.cpp: setHost, Load, Describe and Unload of every plugin; later setHost, Load,
    Describe of the one that is wanted, and DescribeInContext for the context of the first instance
HostSupport/src/ofxhPluginCache.cpp: OfxSetHost is not looked for
HostSupport/src/ofxhImageEffectAPI.cpp, ofxhImageEffect.cpp: any context that the plugin names; SourceTime is made
    only if the plugin defines it
HostSupport/src/ofxhImageEffect.cpp: suites and versions; one thread where the host has no more
HostSupport/src/ofxhPropertySuite.cpp: setting an unknown property: kOfxStatErrUnknown, no exception
HostSupport/src/ofxhImageEffect.cpp: effects without tiles are not asked for regions of interest; frames needed come
    as pairs, a dimension that is odd fails
HostSupport/src/ofxhImageEffect.cpp: all depths are the deepest input's, in the retimer and the filter context
    whatever both sides support
HostSupport/src/ofxhParam.cpp: a value set by the plugin is told of inside of paramSetValue
HostSupport/src/ofxhImageEffect.cpp: an instance is destroyed only if CreateInstance said kOfxStatOK
""",
    options={
        "name": "OFXDemoHost", "api": (1, 4), "version": (1, 0), "threads": 1, "depths": (),
        "components": ("RGBA", "Alpha"), "multi_resolution": False,
    },
    suites=_LIBRARY_SUITES,
    unknown={"EffectDescriptor": (k.kOfxPropIcon, k.kOfxPluginPropParamPageOrder, k.kOfxPropParamSetNeedsSyncing)},
    announces=False,
    scans=True,
    nests=True,
    asks_regions=False,
    image={k.kOfxImagePropField: "", k.kOfxImagePropUniqueIdentifier: ""},
    render={"field": "both"},
)  # fmt: skip

HOSTDEMO = replace(
    HOSTSUPPORT,
    facts=HOSTSUPPORT.facts
    + """
HostSupport/examples/hostDemoHostDescriptor.cpp: host properties; no pixel depths, neither retimer context nor
    multi-resolution are named
HostSupport/examples/hostDemoClipInstance.cpp: bytes, RGBA, not premultiplied, pixel aspect 768/720, frames 0 to 25,
    every clip connected, one output picture for all times
HostSupport/examples/hostDemoEffectInstance.cpp, src/ofxhImageEffect.cpp: no parameters of strings are made; the
    first one ends the making of parameters
HostSupport/examples/hostDemoParamInstance.cpp: doubles are 2, booleans true; integers and choices cannot be read,
    nothing can be set
HostSupport/examples/hostDemo.cpp: the field to render is Both, of progressive pictures
""",
    types=(
        k.kOfxParamTypeInteger, k.kOfxParamTypeDouble, k.kOfxParamTypeBoolean, k.kOfxParamTypeChoice,
        k.kOfxParamTypePushButton, k.kOfxParamTypeGroup, k.kOfxParamTypePage,
    ),
    values={
        k.kOfxParamTypeDouble: 2.0, k.kOfxParamTypeBoolean: 1,
        k.kOfxParamTypeInteger: None, k.kOfxParamTypeChoice: None,
    },
)  # fmt: skip

NATRON = replace(
    HOSTSUPPORT,
    facts=HOSTSUPPORT.facts
    + """
Engine/OfxHost.cpp: name, components, depths, what is supported; four threads at most
Engine/OfxHost.cpp: of the contexts that a plugin has it takes reader, writer, tracker, general, filter, ... in this
    order; a retimer is one only where the plugin has no other context
Engine/OfxEffectInstance.cpp: GetRegionOfDefinition at the scales 1 and 1/2 as soon as the node is made, before
    anything is connected
Engine/OfxEffectInstance.cpp, OfxClipInstance.cpp: field None everywhere; GetTimeDomain in the general context
    alone; a clip's range is its node's time domain, without an end for generators
Engine/OfxImageEffectInstance.cpp: the arguments of a message are given to vsnprintf as one va_list: conversions
    show rubbish or nothing
Gui/ProgressPanel.cpp: progress that is started on a render thread is shown when the main thread gets to it; until
    then an update finds nothing that it could belong to, and its answer is no
Engine/OfxClipInstance.cpp: pictures have an identifier, the field None, and are cut to what was rendered of them
Engine/OfxEffectInstance.cpp: InstanceChanged may have the reason OfxChangeTime; what the plugin sets is told of
    later
HostSupport/src/ofxhImageEffect.cpp, with Natron's extensions: its library's effect descriptors know no version and
    no version label
Engine/OfxEffectInstance.cpp: fully safe plugins without host frame threading render frames on several threads, one
    picture each
""",
    options={
        "name": "fr.inria.Natron", "api": (1, 4), "threads": 4,
        "depths": ("float", "short", "byte"), "components": ("RGBA", "Alpha", "RGB"), "multiple_depths": True,
        "multiple_aspects": True, "setable_frame_rate": True,
        "contexts": ("generator", "filter", "general", "transition"),
    },
    unknown={"EffectDescriptor": (k.kOfxPropIcon, k.kOfxPropVersion, k.kOfxPropVersionLabel)},
    contexts=("general",),
    formats=False,
    lags=True,
    nests=False,
    image={k.kOfxImagePropField: k.kOfxImageFieldNone},
    render={},
)  # fmt: skip

MLT = Personality(
    facts="""
src/modules/openfx/mlt_openfx.c: a clip has one picture, whatever time is asked for, and no range
src/modules/openfx/mlt_openfx.c: progress 1 and 2, time line 1; any property can be set
seen in melt 7.42, ../README.md: plugins without the filter context are not listed
""",
    options={"name": "MLT", "api": (1, 5), "temporal_access": False, "threads": 1, "contexts": ("filter",)},
    contexts=("filter",),
    asks_regions=False,
    image={k.kOfxImagePropUniqueIdentifier: "one"},
    ranges=False,
)

PERSONALITIES = {"hostsupport": HOSTSUPPORT, "hostdemo": HOSTDEMO, "natron": NATRON, "mlt": MLT}

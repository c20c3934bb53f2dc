"""How does a test (or anybody) host an OpenFX bundle?

``OfxHost`` says what the host is able to do, loads bundles and keeps the books::

    with OfxHost(contexts=("retimer",)) as host:
        plugin = host.load("build/Retempo.ofx.bundle")["org.retempo.Retime"]
        with plugin.create("retimer", clips={"Source": FrameSequenceClip(frames)}) as node:
            node.params["SourceTime"].animate(lambda t: t / 2)
            picture = node.render(3)
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

from host import constants as k
from host.bundle import Library, find_binary, find_bundle
from host.core import Core
from host.effect_suite import build_effect_suite
from host.journal import Entry, OfxViolation
from host.memory import Memory
from host.negotiation import STYLES
from host.parameter_suite import build_parameter_suite
from host.personalities import PERSONALITIES, STRICT, Personality
from host.plugin import CONTEXTS, ActionFailed, Plugin
from host.properties import PropertySet
from host.property_suite import build_property_suite
from host.property_tables import COLOUR_TABLES, TABLES, read_specs
from host.suites import FETCH_SUITE, OfxHostStruct
from host.talking import Message, Talking
from host.threads import Threads

# suites that the standard has and this host does not: asked for, they are refused without blame
_OPTIONAL_SUITES = (
    k.kOfxInteractSuite, k.kOfxParametricParameterSuite, k.kOfxDrawSuite, k.kOfxDialogSuite, k.kOfxOpenGLRenderSuite,
)  # fmt: skip


class Bundle(dict[str, Plugin]):
    """Plugins of one loaded binary by identifier."""

    def __init__(self, library: Library, path: Path) -> None:
        super().__init__()
        self.library, self.path = library, path
        self.refused: dict[str, ActionFailed] = {}

    def unload(self) -> None:
        """Unload every plugin, then the binary."""
        for plugin in self.values():
            plugin.unload()
        self.library.close()


class OfxHost:
    """A host.

    Args:
        context: the only context that it supports; or ``contexts``, several of them.
        temporal_access: without it every fetch gives the frame at the render time, whatever was asked for.
        threads: CPUs that the plugin is told of.
        strict: raise ``OfxViolation`` at the end of the action that broke a rule; otherwise violations are
            only recorded.
        depths, components, tiles, multi_resolution, multiple_depths, multiple_aspects, setable_frame_rate,
            setable_fielding, background: what it supports.
        name, version, api: identity, for plugins that mind. api (1, 4) offers what hosts of that day did.
        colour_style: ``basic``, ``core``, ``full`` or ``ocio``; empty: a host that knows no colour management.
        ocio_config, ocio_display, ocio_view, display_colourspace, colour_configs: what it then says.
        suites_withheld: names of suites that it pretends not to have, e.g. ``{"OfxProgressSuite"}`` or with
            a version ``{("OfxMessageSuite", 2)}``.
        personality: the manners of another host; ``like`` takes its arguments too.

    Attributes:
        violations, notes: ``Entry`` objects, see ``journal.py``. messages: transient messages.
        suites_refused: (name, version) that were asked for in vain. talking: message answers, progress.
        memory: bytes that are out.
    """

    def __init__(
        self,
        context: str | None = None,
        *,
        contexts: tuple[str, ...] = ("retimer", "general", "filter"),
        temporal_access: bool = True,
        threads: int = 2,
        strict: bool = True,
        depths: tuple[str, ...] = ("byte", "short", "half", "float"),
        components: tuple[str, ...] = ("RGBA", "RGB", "Alpha"),
        tiles: bool = True,
        multi_resolution: bool = True,
        multiple_depths: bool = False,
        multiple_aspects: bool = False,
        setable_frame_rate: bool = False,
        setable_fielding: bool = False,
        background: bool = False,
        name: str = "org.retempo.testhost",
        version: tuple[int, ...] = (1, 0, 0),
        api: tuple[int, int] = (1, 5),
        colour_style: str = "",
        colour_configs: tuple[str, ...] = (k.kOfxConfigIdentifier,),
        ocio_config: str = "ocio://default",
        ocio_display: str = "",
        ocio_view: str = "",
        display_colourspace: str = "",
        suites_withheld: Any = frozenset(),
        personality: Personality = STRICT,
    ) -> None:
        self.core = Core(personality)
        self.contexts = (context,) if context else contexts
        unknown = [c for c in self.contexts if c not in CONTEXTS]
        if unknown:
            raise ValueError(f"no context {', '.join(unknown)}; there are {', '.join(CONTEXTS)}")
        self.temporal_access, self.strict = temporal_access, strict
        self.multiple_depths, self.multiple_aspects = multiple_depths, multiple_aspects
        self.setable_frame_rate, self.setable_fielding = setable_frame_rate, setable_fielding
        self.colour_style, self.colour_configs = colour_style, colour_configs
        self.ocio_config, self.ocio_display, self.ocio_view = ocio_config, ocio_display, ocio_view
        self.display_colourspace = display_colourspace
        self.suites_refused: list[tuple[str, int]] = []
        self._withheld = set(suites_withheld)
        self._seen = 0
        self.bundles: list[Bundle] = []
        self.properties = self._describe_itself(name, version, api)
        put = self.properties.put
        put(k.kOfxImageEffectPropSupportedPixelDepths, *(f"OfxBitDepth{d.capitalize()}" for d in depths))
        put(k.kOfxImageEffectPropSupportedComponents, *(f"OfxImageComponent{c}" for c in components))
        put(k.kOfxImageEffectPropSupportedContexts, *(CONTEXTS[c] for c in self.contexts))
        for prop, value in (
            (k.kOfxImageEffectPropTemporalClipAccess, temporal_access),
            (k.kOfxImageEffectPropSupportsTiles, tiles),
            (k.kOfxImageEffectPropSupportsMultiResolution, multi_resolution),
            (k.kOfxImageEffectPropSupportsMultipleClipDepths, multiple_depths),
            (k.kOfxImageEffectPropSupportsMultipleClipPARs, multiple_aspects),
            (k.kOfxImageEffectPropSetableFrameRate, setable_frame_rate),
            (k.kOfxImageEffectPropSetableFielding, setable_fielding),
            (k.kOfxImageEffectHostPropIsBackground, background),
        ):
            put(prop, int(value))

        self.memory = Memory(self.core)
        self.threads = Threads(self.core, threads)
        self.talking = Talking(self.core)
        effect_suite, self._images = build_effect_suite(self)
        self._suites: dict[tuple[str, int], Any] = {
            (k.kOfxPropertySuite, 1): build_property_suite(self.core),
            (k.kOfxImageEffectSuite, 1): effect_suite,
            (k.kOfxParameterSuite, 1): build_parameter_suite(self.core),
            (k.kOfxMemorySuite, 1): self.memory.build_suite(),
            (k.kOfxMultiThreadSuite, 1): self.threads.build_suite(),
            **self.talking.build_suites(),
        }
        self.struct = OfxHostStruct(self.properties.handle, FETCH_SUITE(self._fetch))

    @classmethod
    def like(cls, name: str, **options: Any) -> OfxHost:
        """A host with the manners of another one, a key of ``PERSONALITIES``; ``options`` go before its own."""
        personality = PERSONALITIES[name]
        return cls(personality=personality, **{**personality.options, **options})

    def _describe_itself(self, name: str, version: tuple[int, ...], api: tuple[int, int]) -> PropertySet:
        specs = read_specs(TABLES["Host"])
        if self.colour_style:
            if self.colour_style not in STYLES:
                raise ValueError(f"no colour style {self.colour_style}; there are {', '.join(STYLES)}")
            specs += read_specs(COLOUR_TABLES["Host"])
        properties = self.core.make_properties("Host", f"host {name}", specs)
        properties.handle = self.core.handles.open(properties)
        put = properties.put
        put(k.kOfxPropName, name)
        put(k.kOfxPropLabel, name)
        put(k.kOfxPropVersion, *version)
        put(k.kOfxPropVersionLabel, ".".join(map(str, version)))
        put(k.kOfxPropAPIVersion, *api)
        if self.colour_style:
            put(k.kOfxImageEffectPropColourManagementStyle, STYLES[self.colour_style])
            put(k.kOfxImageEffectPropColourManagementAvailableConfigs, *self.colour_configs)
        return properties

    def _fetch(self, handle: int | None, name: bytes | None, version: int) -> int:
        """OfxHost::fetchSuite."""
        text = (name or b"").decode(errors="replace")
        where = self.core.describe_action()
        if handle != self.properties.handle:
            self.core.journal.violate(
                "bad handle", where, f"fetchSuite({text}) with another handle than the host's"
            )
        offered = self.core.personality.suites
        withheld = text in self._withheld or (text, version) in self._withheld
        withheld = withheld or (offered is not None and (text, version) not in offered)
        suite = None if withheld else self._suites.get((text, version))
        if suite is not None:
            return ctypes.addressof(suite)
        self.suites_refused.append((text, version))
        known = any(text == name for name, _ in self._suites)
        if withheld or text in _OPTIONAL_SUITES or known:
            self.core.journal.note("suite not offered", where, f"{text} {version}")
        else:
            self.core.journal.violate("unknown suite", where, f"{text} {version}")
        return 0

    # ---- books

    @property
    def violations(self) -> list[Entry]:
        return self.core.journal.violations

    @property
    def notes(self) -> list[Entry]:
        return self.core.journal.notes

    @property
    def messages(self) -> list[Message]:
        return self.talking.messages

    def check(self) -> None:
        """Raise ``OfxViolation`` if any rule was broken since the last ``forgive``."""
        if self.violations:
            raise OfxViolation(self.violations)

    def forgive(self) -> list[Entry]:
        """Take the violations so far out of the books; the ones that were there."""
        self._seen = 0
        return self.core.journal.take()

    def raise_if_strict(self) -> None:
        """In strict mode, raise what came since the last look (a violation is raised once and stays in the books)."""
        entries = self.violations[self._seen :]
        if entries and self.strict:
            self._seen += len(entries)
            raise OfxViolation(entries)

    def close_image(self, handle: int) -> None:
        """Take an unreleased image away from the plugin."""
        self._images.close_image(handle)

    # ---- bundles

    def load(self, path: str | os.PathLike[str]) -> Bundle:
        """Open a bundle (or a .ofx), load and describe its image effects.

        Plugins that refuse to be loaded or described are in ``Bundle.refused``.
        """
        binary = find_binary(Path(path))
        library = Library(binary)
        if library.missing:
            raise ValueError(f"{binary} exports no {', '.join(library.missing)}")
        bundle = Bundle(library, find_bundle(binary))
        status = library.set_host(self.struct) if self.core.personality.announces else None
        if status not in (None, k.kOfxStatOK):
            self.core.journal.note(
                "host refused", str(bundle.path), f"OfxSetHost: {k.name_status(status or 0)}"
            )
            return bundle
        self.bundles.append(bundle)
        plugins = [Plugin(self, struct, str(bundle.path)) for struct in library.list_structs()]
        if self.core.personality.scans:
            for plugin in plugins:
                plugin.scan()
        for plugin in plugins:
            self._check_identity(plugin, bundle)
            try:
                plugin.load()
            except ActionFailed as failure:
                bundle.refused[plugin.id] = failure
                plugin.unload()
                continue
            bundle[plugin.id] = plugin
        self.raise_if_strict()
        return bundle

    def _check_identity(self, plugin: Plugin, bundle: Bundle) -> None:
        journal = self.core.journal
        if plugin.api != (k.kOfxImageEffectPluginApi, k.kOfxImageEffectPluginApiVersion):
            journal.violate("plugin api", plugin.id, f"{plugin.api[0]} {plugin.api[1]}")
        if not plugin.id.isascii() or not plugin.id.isprintable() or not plugin.id or " " in plugin.id:
            journal.violate("identifier", plugin.id, "has to be ASCII without spaces")
        if plugin.id in bundle:
            journal.violate("identifier", plugin.id, "two plugins of one binary have it")

    def close(self) -> None:
        """Unload everything; leaks are recorded (and raised in strict mode)."""
        strict, self.strict = self.strict, False  # every bundle goes, whatever one of them did
        try:
            for bundle in self.bundles:
                bundle.unload()
            self.bundles.clear()
            self.memory.report_leaks(None, "plugins unloaded")
            self.threads.report_leaks("plugins unloaded")
        finally:
            self.strict = strict
        self._seen = min(self._seen, len(self.violations))
        self.raise_if_strict()

    def __enter__(self) -> OfxHost:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        if kind is None:
            self.close()
            return
        self.strict = False
        self.close()

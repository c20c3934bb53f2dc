"""What is one plugin of a binary: described, asked, and held to what it declared?"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from host import constants as k
from host.callbacks import seconds_in_host
from host.clips import FrameSequenceClip
from host.core import Context
from host.effect import Descriptor, Instance
from host.properties import PropertySet, Spec
from host.property_tables import ABSENT
from host.rules import check_context, check_description

if TYPE_CHECKING:
    from host.host import OfxHost

CONTEXTS = {
    name.removeprefix("kOfxImageEffectContext").lower(): value
    for name, value in vars(k).items()
    if name.startswith("kOfxImageEffectContext")
}
_TRAPPED_ALWAYS = (
    k.kOfxActionDescribe,
    k.kOfxImageEffectActionDescribeInContext,
    k.kOfxImageEffectActionRender,
)


class ActionFailed(RuntimeError):
    """A plugin answered an action with an error.

    Attributes: ``action``, ``status``, and ``message``: what the plugin told the user, if it did.
    """

    def __init__(self, action: str, status: int, message: str) -> None:
        self.action, self.status, self.message = action, status, message
        super().__init__(f"{action}: {k.name_status(status)}" + (f": {message}" if message else ""))


class Plugin:
    """One image effect of a bundle.

    Attributes:
        id, version: its identity. descriptor: its general description. contexts: short context name
            (``retimer``, ``general``, ``filter``, ...) -> description; those that both sides support.
        describe_seconds: the plugin's own time in Describe and every DescribeInContext together, without that of
            this host's suite functions.
    """

    def __init__(self, host: OfxHost, struct: Any, path: str) -> None:
        self.host, self._struct = host, struct
        self.id = (struct.pluginIdentifier or b"").decode()
        self.version = (int(struct.pluginVersionMajor), int(struct.pluginVersionMinor))
        self.api = ((struct.pluginApi or b"").decode(), int(struct.apiVersion))
        self.descriptor = Descriptor(self)
        self.descriptor.properties.put(k.kOfxPluginPropFilePath, path)
        self.contexts: dict[str, Descriptor] = {}
        self.instances: list[Instance] = []
        self.describe_seconds = 0.0
        self._numbers = itertools.count(1)
        self._everybody = threading.RLock()
        self._locks: dict[int, threading.RLock] = {}
        self._loaded = False

    def __str__(self) -> str:
        return self.id

    # ---- life

    def scan(self) -> None:
        """What a host does to fill its list of plugins: setHost, Load, Describe, Unload."""
        self._struct.setHost(self.host.struct)
        trapped = (k.kOfxStatOK, k.kOfxStatReplyDefault)
        self.act(k.kOfxActionLoad, None, accepted=trapped)
        self._describe(self.descriptor, k.kOfxActionDescribe, [])
        self.act(k.kOfxActionUnload, None, accepted=trapped)

    def load(self) -> None:
        """setHost, Load, Describe, and DescribeInContext for each context that both sides support.

        Raises:
            ActionFailed: it does not want to be loaded or described.
        """
        core = self.host.core
        self._struct.setHost(self.host.struct)
        status = self.act(k.kOfxActionLoad, None, accepted=(k.kOfxStatOK, k.kOfxStatReplyDefault))
        self._loaded = True
        if status == k.kOfxStatReplyDefault:
            core.journal.note("reply default", self.id, "to Load; some hosts want kOfxStatOK")
        start, busy = time.perf_counter(), seconds_in_host()
        self._describe(self.descriptor, k.kOfxActionDescribe, [])
        check_description(self.descriptor, core.journal)
        for short, context in CONTEXTS.items():
            wanted = context in self.descriptor.properties.all(k.kOfxImageEffectPropSupportedContexts)
            if wanted and short in self.host.contexts:
                described = Descriptor(self, context, self.descriptor)
                argument = [Spec(k.kOfxImageEffectPropContext, "string", 1, "host", (context,))]
                self._describe(described, k.kOfxImageEffectActionDescribeInContext, argument)
                check_context(described, core.journal)
                self.contexts[short] = described
        self.describe_seconds = time.perf_counter() - start - (seconds_in_host() - busy)
        self.host.raise_if_strict()

    def _describe(self, descriptor: Descriptor, action: str, arguments: list[Spec]) -> None:
        descriptor.describing = action
        try:
            self.ask(action, descriptor, arguments, [], accepted=(k.kOfxStatOK,))
        finally:
            descriptor.describing = ""
            frozen = "after it was described"
            for properties in (
                descriptor.properties,
                *(param.properties for param in descriptor.params.members.values()),
                *(clip.properties for clip in descriptor.clips.values()),
            ):
                if action == k.kOfxImageEffectActionDescribeInContext:
                    properties.frozen = frozen

    def unload(self) -> None:
        """Destroy what is left and pass Unload; leaks are recorded."""
        if not self._loaded:
            return
        for instance in list(self.instances):
            instance.destroy()
        self.act(k.kOfxActionUnload, None, accepted=(k.kOfxStatOK, k.kOfxStatReplyDefault))
        self._loaded = False

    def create(
        self,
        context: str,
        clips: Mapping[str, FrameSequenceClip | None] | None = None,
        params: Mapping[str, Any] | None = None,
        project: tuple[int, int] | None = None,
        interactive: bool = False,
    ) -> Instance:
        """A new instance, created and with its clip preferences negotiated.

        Args:
            context: ``retimer``, ``general``, ``filter``, ...
            clips: input clip name -> frames; those left out are unconnected.
            params: values that it starts with, as if loaded from a file (no InstanceChanged).
            project: size in pixels; by default the first clip's.
            interactive: whether the user has it open.
        """
        if context not in self.contexts:
            raise ValueError(
                f"{self.id} has no context {context}; it has {', '.join(self.contexts) or 'none'}"
            )
        single = self.descriptor.properties.get(k.kOfxImageEffectPluginPropSingleInstance)
        if single and self.instances:
            raise ValueError(f"{self.id} can have only one instance")
        instance = Instance(self, self.contexts[context], clips or {}, project, interactive)
        for name, value in (params or {}).items():
            instance.params[name].set(value, notify=False)
        self.act(k.kOfxActionCreateInstance, instance, accepted=(k.kOfxStatOK, k.kOfxStatReplyDefault))
        self.instances.append(instance)
        instance.plugin_edits.clear()
        if all(clip.source or clip.definition.optional for clip in instance.inputs.values()):
            instance.negotiate()
        return instance

    def forget(self, instance: Instance) -> None:
        if instance in self.instances:
            self.instances.remove(instance)
        self._locks.pop(instance.number, None)

    def next_number(self) -> int:
        return next(self._numbers)

    # ---- asking

    @property
    def thread_safety(self) -> str:
        """``unsafe``, ``instance`` or ``fully``."""
        value = self.descriptor.properties.get(k.kOfxImageEffectPluginRenderThreadSafety)
        return {k.kOfxImageEffectRenderUnsafe: "unsafe", k.kOfxImageEffectRenderFullySafe: "fully"}.get(
            value, "instance"
        )

    @contextlib.contextmanager
    def hold(self, instance: Instance) -> Iterator[None]:
        """Wait until the plugin's thread safety lets this instance render."""
        if self.thread_safety == "fully":
            yield
            return
        lock = self._everybody
        if self.thread_safety == "instance":
            lock = self._locks.setdefault(instance.number, threading.RLock())
        with lock:
            yield

    @contextlib.contextmanager
    def arguments(
        self, action: str, inputs: Sequence[Spec], outputs: Sequence[Spec]
    ) -> Iterator[tuple[PropertySet, PropertySet]]:
        """Property sets of an action's arguments; their handles die with it."""
        core = self.host.core
        made = []
        for kind, specs in (("in", inputs), ("out", outputs)):
            properties = PropertySet(
                f"{kind} arguments of {action}",
                f"{kind} arguments of {action}, {self.id}",
                specs,
                core.journal,
                ABSENT,
            )
            properties.handle = core.handles.open(properties) if specs else 0
            made.append(properties)
        try:
            yield made[0], made[1]
        finally:
            for properties in made:
                core.handles.close(properties.handle, properties.where)

    def make_context(self, action: str, effect: Any, **fields: Any) -> Context:
        return Context(action, effect, **fields)

    def ask(
        self,
        action: str,
        effect: Any,
        inputs: Sequence[Spec],
        outputs: Sequence[Spec],
        accepted: Sequence[int] = (),
        context: Context | None = None,
        **fields: Any,
    ) -> tuple[int, PropertySet]:
        """Pass an action with arguments; its status and out arguments.

        Raises:
            ActionFailed: the status is not among ``accepted`` (empty: any is).
        """
        context = context or self.make_context(action, effect, **fields)
        with self.arguments(action, inputs, outputs) as (in_, out):
            status = self._call(context, in_.handle or None, out.handle or None)
        journal = self.host.core.journal
        if status == k.kOfxStatReplyDefault and out.written:
            text = f"{context} said kOfxStatReplyDefault after setting {', '.join(sorted(out.written))}"
            journal.violate("reply default", str(effect), text)
        if accepted:
            self.check_status(action, effect, status, accepted)
            self.host.raise_if_strict()
        return status, out

    def act(self, action: str, effect: Any, accepted: Sequence[int] = ()) -> int:
        """Pass an action without arguments."""
        return self.ask(action, effect, [], [], accepted)[0]

    def _call(self, context: Context, in_: int | None, out: int | None) -> int:
        core = self.host.core
        effect = context.effect
        context.started, busy = time.perf_counter(), seconds_in_host()
        with core.inside(context):
            status = int(
                self._struct.mainEntry(context.name.encode(), effect.handle if effect else None, in_, out)
            )
        context.host_seconds = seconds_in_host() - busy
        for handle, name in list(context.images.items()):
            core.journal.violate("unreleased image", f"{effect}, {context}", name)
            self.host.close_image(handle)
        if isinstance(effect, Instance) and effect.progress_open and not effect.active:
            core.journal.violate("progress", str(effect), f"left open after {context}")
            effect.progress_open = False
        if status == k.kOfxStatReplyDefault and context.name in _TRAPPED_ALWAYS:
            core.journal.violate("reply default", str(effect), f"{context} has to be trapped")
        if status not in k.STATUS_NAMES:
            core.journal.violate("status", str(effect), f"{context} returned {status}")
        return status

    def check_status(self, action: str, effect: Any, status: int, accepted: Sequence[int]) -> None:
        if status in accepted:
            return
        message = getattr(effect, "persistent_message", None)
        texts = [message.text] if message else [m.text for m in self.host.messages[-1:]]
        raise ActionFailed(action, status, texts[0] if texts else "")

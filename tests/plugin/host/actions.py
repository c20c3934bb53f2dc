"""Which questions and events can a host put to an instance, beside rendering?

Times are frames, rectangles canonical (y up, full size) unless said otherwise.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from host import constants as k
from host.core import Context
from host.images import Rect
from host.properties import Spec
from host.suites import CUSTOM_INTERPOLATION

if TYPE_CHECKING:
    from host.effect import Instance
    from host.parameters import Param

TRAPPED = (k.kOfxStatOK, k.kOfxStatReplyDefault)
_MAX_RECURSION = 8


class Identity(NamedTuple):
    """An effect that passes a frame through: which clip, at which time."""

    clip: str
    time: float


class Actions:
    """Actions of ``Instance`` that draw nothing."""

    _changing = 0

    def _ask(
        self: Any, action: str, inputs: list[Spec], outputs: list[Spec], **fields: Any
    ) -> tuple[int, Any]:
        return self.plugin.ask(action, self, inputs, outputs, accepted=TRAPPED, **fields)

    # ---- time

    def frames_needed(self: Any, time: float) -> dict[str, list[tuple[float, float]]]:
        """Ranges of frames that rendering at ``time`` fetches, by input clip."""
        inputs: dict[str, Any] = self.inputs
        default = {name: [(float(time), float(time))] for name in inputs}
        temporal = self.descriptor.properties.get(k.kOfxImageEffectPropTemporalClipAccess)
        if not (temporal and self.plugin.host.temporal_access):
            return default
        outputs = [
            Spec(k.CLIP_FRAME_RANGE + name, "double", 0, "plugin", (float(time), float(time)))
            for name in inputs
        ]
        action = k.kOfxImageEffectActionGetFramesNeeded
        status, out = self._ask(action, [_time(time)], outputs, time=time)
        if status != k.kOfxStatOK:
            return default
        found = {}
        for name in inputs:
            values = out.all(k.CLIP_FRAME_RANGE + name)
            pairs = list(zip(values[::2], values[1::2], strict=False))
            if len(values) % 2 or any(first > last for first, last in pairs):
                self.plugin.host.core.journal.violate("frame range", str(self), f"{name}: {values}")
            found[name] = pairs
        return found

    def time_domain(self: Any) -> tuple[float, float] | None:
        """Range of times that the effect can make frames for; None: the host's default. General context only."""
        if self.context != k.kOfxImageEffectContextGeneral:
            raise ValueError("getTimeDomain is for the general context")
        outputs = [Spec(k.kOfxImageEffectPropFrameRange, "double", 2, "plugin", self.timeline_bounds)]
        status, out = self._ask(k.kOfxImageEffectActionGetTimeDomain, [], outputs)
        if status != k.kOfxStatOK:
            return None
        first, last = out.all(k.kOfxImageEffectPropFrameRange)
        if first > last:
            self.plugin.host.core.journal.violate("frame range", str(self), f"time domain {first}..{last}")
        return first, last

    def is_identity(
        self: Any,
        time: float,
        window: Rect | None = None,
        scale: tuple[float, float] = (1.0, 1.0),
        field: str = "none",
    ) -> Identity | None:
        """The frame that the effect passes through at ``time``, or None where it has to render."""
        box = window or self._finite(self.output_region(time, scale)).to_pixels(scale, self._aspect())
        inputs = [
            _time(time),
            Spec(k.kOfxImageEffectPropFieldToRender, "string", 1, "host", (_FIELDS[field],)),
            Spec(k.kOfxImageEffectPropRenderWindow, "int", 4, "host", tuple(int(v) for v in box)),
            _scale(scale),
        ]
        outputs = [
            Spec(k.kOfxPropName, "string", 1, "plugin"),
            Spec(k.kOfxPropTime, "double", 1, "plugin", (float(time),)),
        ]
        status, out = self._ask(k.kOfxImageEffectActionIsIdentity, inputs, outputs, time=time, scale=scale)
        if status != k.kOfxStatOK:
            return None
        name = out.get(k.kOfxPropName)
        if name not in self.inputs:
            text = f"identity with {name!r}, which is no input clip"
            self.plugin.host.core.journal.violate("identity", str(self), text)
        return Identity(name, out.get(k.kOfxPropTime))

    # ---- space

    def _aspect(self: Any) -> float:
        return (
            self.clips[k.kOfxImageEffectOutputClipName].properties.get(k.kOfxImagePropPixelAspectRatio) or 1.0
        )

    def _finite(self: Any, region: Rect) -> Rect:
        """An infinite region is cut to the project."""
        width, height = self.properties.all(k.kOfxImageEffectPropProjectExtent)
        x1, y1 = (v if v > k.kOfxFlagInfiniteMin else 0.0 for v in region[:2])
        x2 = region.x2 if region.x2 < k.kOfxFlagInfiniteMax else width
        y2 = region.y2 if region.y2 < k.kOfxFlagInfiniteMax else height
        return Rect(x1, y1, x2, y2)

    def default_region(self: Any, time: float) -> Rect:
        """Region of definition by the rule of the context."""
        times = [time]
        if (
            self.context == k.kOfxImageEffectContextRetimer
            and k.kOfxImageEffectRetimerParamName in self.params
        ):
            source_time = self.params[k.kOfxImageEffectRetimerParamName].value_at(time)
            times = [float(int(source_time // 1)), float(-int(-source_time // 1))]
        clips = [c for c in self.connected.values() if not c.definition.optional or c.name == "Source"]
        rects = [c.source.region(t) for c in clips for t in times]
        if not rects:
            size = self.properties.all(k.kOfxImageEffectPropProjectSize)
            return Rect(0, 0, *size)
        whole = rects[0]
        for rect in rects[1:]:
            whole = whole.unite(rect)
        return whole

    def output_region(self: Any, time: float, scale: tuple[float, float] = (1.0, 1.0)) -> Rect:
        """GetRegionOfDefinition: the picture's extent."""
        default = self.default_region(time)
        outputs = [Spec(k.kOfxImageEffectPropRegionOfDefinition, "double", 4, "plugin", tuple(default))]
        action = k.kOfxImageEffectActionGetRegionOfDefinition
        status, out = self._ask(action, [_time(time), _scale(scale)], outputs, time=time, scale=scale)
        if status != k.kOfxStatOK:
            return default
        rect = Rect(*out.all(k.kOfxImageEffectPropRegionOfDefinition))
        if rect.empty:
            self.plugin.host.core.journal.violate("region", str(self), f"region of definition {tuple(rect)}")
        return rect

    def regions_of_interest(
        self: Any, time: float, region: Rect, scale: tuple[float, float] = (1.0, 1.0)
    ) -> dict[str, Rect]:
        """GetRegionsOfInterest: what of each input is needed to draw ``region`` of the output."""
        box = tuple(float(v) for v in region)
        inputs = [
            _time(time),
            _scale(scale),
            Spec(k.kOfxImageEffectPropRegionOfInterest, "double", 4, "host", box),
        ]
        outputs = [Spec(k.CLIP_ROI + name, "double", 4, "plugin", box) for name in self.inputs]
        action = k.kOfxImageEffectActionGetRegionsOfInterest
        _, out = self._ask(action, inputs, outputs, time=time, scale=scale)
        return {name: Rect(*out.all(k.CLIP_ROI + name)) for name in self.inputs}

    # ---- changes

    def tell_changed(self: Any, type_: str, name: str, reason: str = k.kOfxChangeUserEdited) -> None:
        """InstanceChanged within its brackets; then the same for what the plugin changed in it."""
        if self._changing >= _MAX_RECURSION:
            self.plugin.host.core.journal.violate(
                "endless change", str(self), f"changing {name} never settles"
            )
            return
        self._changing += 1
        try:
            why = [Spec(k.kOfxPropChangeReason, "string", 1, "host", (reason,))]
            arguments = [
                Spec(k.kOfxPropType, "string", 1, "host", (type_,)),
                Spec(k.kOfxPropName, "string", 1, "host", (name,)),
                *why,
                _time(self.timeline),
                _scale((1.0, 1.0)),
            ]
            self._ask(k.kOfxActionBeginInstanceChanged, why, [])
            try:
                self._ask(k.kOfxActionInstanceChanged, arguments, [], time=self.timeline)
            finally:
                self._ask(k.kOfxActionEndInstanceChanged, why, [])
            edits, self.plugin_edits[:] = list(dict.fromkeys(self.plugin_edits)), []
            for edited in edits:
                self.tell_changed(k.kOfxTypeParameter, edited, k.kOfxChangePluginEdited)
        finally:
            self._changing -= 1
        if name in self.descriptor.properties.all(k.kOfxImageEffectPropClipPreferencesSlaveParam):
            self.negotiate()

    def change_clip(self: Any, name: str, source: Any) -> None:
        """Connect another source to an input (None: nothing), tell the plugin, and negotiate again."""
        self.clips[name].connect(source)
        self.tell_changed(k.kOfxTypeClip, name)
        self.negotiate()

    def sync_private_data(self: Any) -> None:
        """What a host does before it saves."""
        self._ask(k.kOfxActionSyncPrivateData, [], [])
        self.properties.put(k.kOfxPropParamSetNeedsSyncing, 0)

    def purge_caches(self: Any) -> None:
        self._ask(k.kOfxActionPurgeCaches, [], [])

    @contextlib.contextmanager
    def editing(self: Any) -> Iterator[None]:
        """Within this the user has the instance's panel open."""
        self.properties.put(k.kOfxPropIsInteractive, 1)
        self._ask(k.kOfxActionBeginInstanceEdit, [], [])
        try:
            yield
        finally:
            self._ask(k.kOfxActionEndInstanceEdit, [], [])

    def interpolate_custom(self: Instance, param: Param, time: float) -> str:  # type: ignore[misc]
        """Value of a custom parameter: by the plugin's own function between two keys."""
        curve = param.curve
        assert curve is not None
        address = param.properties.get(k.kOfxParamPropCustomInterpCallbackV1)
        before, after = curve.find_key(time + 1e-9, -1), curve.find_key(time, 1)
        if not curve.keys or not address or before < 0 or after < 0:
            return str(curve.value(time)[0])
        (t0, v0), (t1, v1) = curve.keys[before], curve.keys[after]
        plugin = self.plugin
        inputs = [
            Spec(k.kOfxPropName, "string", 1, "host", (param.name,)),
            _time(time),
            Spec(k.kOfxParamPropCustomValue, "string", 2, "host", (v0[0], v1[0])),
            Spec(k.kOfxParamPropInterpolationTime, "double", 2, "host", (t0, t1)),
            Spec(k.kOfxParamPropInterpolationAmount, "double", 1, "host", ((time - t0) / (t1 - t0),)),
        ]
        outputs = [Spec(k.kOfxParamPropCustomValue, "string", 1, "plugin")]
        with plugin.arguments("custom interpolation", inputs, outputs) as (in_, out):
            with plugin.host.core.inside(Context("custom interpolation", self, time)):
                status = CUSTOM_INTERPOLATION(address)(self.params.handle, in_.handle, out.handle)
            plugin.check_status("custom interpolation", self, status, (k.kOfxStatOK,))
            return str(out.get(k.kOfxParamPropCustomValue))


_FIELDS = {
    "none": k.kOfxImageFieldNone,
    "both": k.kOfxImageFieldBoth,
    "lower": k.kOfxImageFieldLower,
    "upper": k.kOfxImageFieldUpper,
}


def _time(time: float) -> Spec:
    return Spec(k.kOfxPropTime, "double", 1, "host", (float(time),))


def _scale(scale: tuple[float, float]) -> Spec:
    return Spec(k.kOfxImageEffectPropRenderScale, "double", 2, "host", (float(scale[0]), float(scale[1])))

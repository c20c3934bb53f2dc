"""What happens when the plugin calls the image effect suite?

Images are where most plugins go wrong: each is counted, and each fetch is checked against what
getFramesNeeded and the temporal access flags said.
"""

from __future__ import annotations

import time as clock
from typing import TYPE_CHECKING, Any

from host import constants as k
from host.callbacks import Refusal, fill_suite, need, read_text
from host.clips import ClipDefinition, ClipInstance
from host.core import Context, Fetch
from host.effect import Descriptor, Instance
from host.images import ImageBuffer, Rect
from host.memory import ImageMemory
from host.properties import PropertySet
from host.property_tables import TABLES, read_specs
from host.suites import ImageEffectSuiteV1

if TYPE_CHECKING:
    from host.host import OfxHost

_EFFECT = (Descriptor, Instance)


class Image:
    """One image handle: the buffer and the clip that it came from."""

    def __init__(self, clip: ClipInstance, buffer: ImageBuffer, name: str, context: Context | None) -> None:
        self.clip, self.buffer, self.name, self.context = clip, buffer, name, context


class _EffectSuite:
    def __init__(self, host: OfxHost) -> None:
        self.host, self.core, self.journal = host, host.core, host.core.journal
        self.images: dict[int, Image] = {}

    def getPropertySet(self, effect: int | None, out: Any) -> None:
        found = self.core.find(effect, _EFFECT, "getPropertySet")
        need(out, self.journal, str(found), "the place for the handle")[0] = found.properties.handle

    def getParamSet(self, effect: int | None, out: Any) -> None:
        found = self.core.find(effect, _EFFECT, "getParamSet")
        need(out, self.journal, str(found), "the place for the handle")[0] = found.params.handle

    def clipDefine(self, effect: int | None, name: bytes | None, out: Any) -> None:
        found = self.core.find(effect, Descriptor, "clipDefine")
        text = read_text(name, self.journal, str(found))
        if found.describing != k.kOfxImageEffectActionDescribeInContext:
            self.journal.violate(
                "late definition", str(found), f"clip {text} defined outside of DescribeInContext"
            )
            raise Refusal(k.kOfxStatErrBadHandle)
        if text in found.clips:
            self.journal.violate("defined twice", str(found), f"clip {text}")
            raise Refusal(k.kOfxStatErrExists)
        found.clips[text] = ClipDefinition(self.core, text, str(found))
        if out:
            out[0] = found.clips[text].properties.handle

    def clipGetHandle(self, effect: int | None, name: bytes | None, out: Any, properties: Any) -> None:
        found = self.core.find(effect, Instance, "clipGetHandle")
        text = read_text(name, self.journal, str(found))
        if text not in found.clips:
            self.journal.note("unknown clip", str(found), text)
            raise Refusal(k.kOfxStatErrUnknown)
        if out:
            out[0] = found.clips[text].handle
        if properties:
            properties[0] = found.clips[text].properties.handle

    def clipGetPropertySet(self, clip: int | None, out: Any) -> None:
        found = self.core.find(clip, ClipInstance, "clipGetPropertySet")
        need(out, self.journal, found.name, "the place for the handle")[0] = found.properties.handle

    # ---- images

    def _context(self, clip: ClipInstance) -> Context | None:
        """The action that a fetch belongs to: this thread's, else the only one that the instance is in."""
        context = self.core.context
        if context is not None:
            return context
        active = list(clip.instance.active)
        return active[0] if len(active) == 1 else None

    def clipGetImage(self, handle: int | None, time: float, region: Any, out: Any) -> int:
        clip: ClipInstance = self.core.find(handle, ClipInstance, "clipGetImage")
        need(out, self.journal, clip.name, "the place for the image")
        out[0] = None
        context = self._context(clip)
        if context is None:
            self.journal.violate(
                "image outside of an action", clip.properties.where, f"clipGetImage at {time:g}"
            )
            return k.kOfxStatFailed
        if clip.is_output:
            return self._give_output(clip, time, context, out)
        time = self._check_time(clip, time, context)
        wanted = Rect(region[0].x1, region[0].y1, region[0].x2, region[0].y2) if region else None
        drawn = clip.draw(time, wanted, context, context.scale) if clip.source else None
        fetch = Fetch(
            clip.name, time, drawn[3] if drawn else None, k.kOfxStatOK if drawn else k.kOfxStatFailed
        )
        context.fetches.append(fetch)
        if drawn is None:
            why = "nothing connected" if clip.source is None else f"no picture at {time:g}"
            self.journal.note("no image", clip.properties.where, why)
            return k.kOfxStatFailed
        buffer, rod, image_field, number = drawn
        buffer.seal()
        name = f"{clip.name} at {time:g}"
        identity = f"{clip.name}:{id(clip.source):x}:{time if number is None else number}:{context.scale}:{image_field}"
        out[0] = self._open(clip, buffer, rod, name, image_field, identity, context)
        return k.kOfxStatOK

    def _give_output(self, clip: ClipInstance, time: float, context: Context, out: Any) -> int:
        if context.output is None:
            self.journal.violate("output outside of render", clip.properties.where, f"fetched in {context}")
            return k.kOfxStatFailed
        if context.time is not None and time != context.time:
            self.journal.violate("output at another time", clip.properties.where, f"{time:g} in {context}")
        buffer, rod, identity = context.output
        field = k.kOfxImageFieldNone if context.field == k.kOfxImageFieldNone else k.kOfxImageFieldBoth
        out[0] = self._open(clip, buffer, rod, f"Output at {time:g}", field, identity, context)
        return k.kOfxStatOK

    def _check_time(self, clip: ClipInstance, time: float, context: Context) -> float:
        """Rules of temporal access; returns the time whose picture is given out."""
        now = context.time
        if now is None or context.name != k.kOfxImageEffectActionRender:
            return time
        where = f"{clip.properties.where} in {context}"
        if abs(time - now) > 1e-6 and not self.host.temporal_access:
            self.journal.note("time ignored", where, f"fetched at {time:g}; this host has no temporal access")
            return now
        if abs(time - now) > 1e-6:
            plugin = clip.instance.plugin
            if not plugin.descriptor.properties.get(k.kOfxImageEffectPropTemporalClipAccess):
                self.journal.violate(
                    "temporal access", where, f"fetched at {time:g}; the plugin did not ask for it"
                )
            elif not clip.properties.get(k.kOfxImageEffectPropTemporalClipAccess):
                self.journal.violate(
                    "temporal access", where, f"fetched at {time:g}; the clip did not ask for it"
                )
        if context.ranges is not None:
            ranges = context.ranges.get(clip.name, [])
            if not any(first - 1e-6 <= time <= last + 1e-6 for first, last in ranges):
                text = f"fetched at {time:g}; getFramesNeeded said {ranges}"
                self.journal.violate("frames needed", where, text)
        return time

    def _open(
        self, clip: ClipInstance, buffer: ImageBuffer, rod: Rect, name: str, image_field: str, identity: str,
        context: Context,
    ) -> int:  # fmt: skip
        properties = self.core.make_properties(
            "Image", f"image {name} of {clip.instance}", read_specs(TABLES["Image"])
        )
        for prop in (
            k.kOfxImageEffectPropPixelDepth, k.kOfxImageEffectPropComponents,
            k.kOfxImageEffectPropPreMultiplication, k.kOfxImagePropPixelAspectRatio,
        ):  # fmt: skip
            properties.put(prop, clip.properties.get(prop))
        properties.put(k.kOfxImageEffectPropRenderScale, *context.scale)
        properties.put(k.kOfxImagePropData, buffer.address)
        properties.put(k.kOfxImagePropBounds, *(int(v) for v in buffer.bounds))
        properties.put(k.kOfxImagePropRegionOfDefinition, *(int(v) for v in rod))
        properties.put(k.kOfxImagePropRowBytes, buffer.row_bytes)
        properties.put(k.kOfxImagePropField, image_field)
        properties.put(k.kOfxImagePropUniqueIdentifier, identity)
        for prop, value in self.core.personality.image.items():
            properties.put(prop, value)
        handle = properties.handle = self.core.handles.open(properties)
        self.images[handle] = Image(clip, buffer, name, context)
        context.images[handle] = name
        return handle

    def clipReleaseImage(self, handle: int | None) -> None:
        self.core.find(handle, PropertySet, "clipReleaseImage")
        image = self.images.get(handle or 0)
        if image is None:
            self.journal.violate(
                "bad handle", self.core.describe_action(), "clipReleaseImage on what is not an image"
            )
            raise Refusal(k.kOfxStatErrBadHandle)
        self.close_image(handle or 0)

    def close_image(self, handle: int) -> None:
        """Check what the plugin did to the image and let go of it."""
        image = self.images.pop(handle)
        self.core.handles.close(handle, f"image {image.name}, released")
        if image.context is not None:
            image.context.images.pop(handle, None)
        if image.buffer.guard_hit():
            self.journal.violate("stray write", image.name, "bytes beyond the rows or the image were written")
        if image.buffer.broken_seal():
            self.journal.violate("input written", image.name, "the pixels of an input were changed")

    def clipGetRegionOfDefinition(self, handle: int | None, time: float, out: Any) -> int:
        clip: ClipInstance = self.core.find(handle, ClipInstance, "clipGetRegionOfDefinition")
        rect = (
            clip.instance.output_region(time) if clip.is_output else clip.source and clip.source.region(time)
        )
        if rect is None:
            return k.kOfxStatFailed
        place = need(out, self.journal, clip.name, "the place for the rectangle")[0]
        place.x1, place.y1, place.x2, place.y2 = rect
        return k.kOfxStatOK

    def abort(self, effect: int | None) -> int:
        found = self.core.find(effect, Instance, "abort")
        context = self.core.context
        contexts = [context] if context is not None else list(found.active)
        for context in contexts:
            context.polls.append(clock.perf_counter() - context.started)
            if context.abort is not None and context.abort():
                if context.aborted_at is None:
                    context.aborted_at = context.polls[-1]
                return 1
        return 0

    # ---- image memory

    def imageMemoryAlloc(self, effect: int | None, size: int, out: Any) -> None:
        owner = self.core.find(effect, Instance, "imageMemoryAlloc") if effect else None
        need(out, self.journal, "imageMemoryAlloc", "the place for the handle")[0] = (
            self.host.memory.open_image_memory(owner, size, self.core.describe_action())
        )

    def imageMemoryFree(self, handle: int | None) -> None:
        self.core.find(handle, ImageMemory, "imageMemoryFree")
        self.host.memory.close_image_memory(handle or 0)

    def imageMemoryLock(self, handle: int | None, out: Any) -> None:
        memory: ImageMemory = self.core.find(handle, ImageMemory, "imageMemoryLock")
        memory.locks += 1
        need(out, self.journal, "imageMemoryLock", "the place for the pointer")[0] = memory.address

    def imageMemoryUnlock(self, handle: int | None) -> None:
        memory: ImageMemory = self.core.find(handle, ImageMemory, "imageMemoryUnlock")
        if memory.locks == 0:
            self.journal.note("unlocked twice", "imageMemoryUnlock", memory.where)
        memory.locks = max(0, memory.locks - 1)


def build_effect_suite(host: OfxHost) -> tuple[Any, Any]:
    """The suite, and the object that knows the images which are out."""
    functions = _EffectSuite(host)
    members = {name: getattr(functions, name) for name, _ in ImageEffectSuiteV1._fields_}
    return fill_suite(ImageEffectSuiteV1, members, host.core.journal), functions

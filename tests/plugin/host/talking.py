"""What does the plugin tell the user: messages, progress, and moves of the time line?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from host import constants as k
from host.callbacks import Refusal, fill_suite, need, read_text
from host.core import Core
from host.effect import Descriptor, Instance
from host.printf import format_message, leave_out_arguments
from host.suites import (
    MESSAGE_INTEGERS,
    MessageSuiteV1,
    MessageSuiteV2,
    ProgressSuiteV1,
    ProgressSuiteV2,
    TimeLineSuiteV1,
)

_KINDS = {v: n.removeprefix("kOfxMessage").lower() for n, v in vars(k).items()
          if n.startswith("kOfxMessage") and n != "kOfxMessageSuite"}  # fmt: skip
_PERSISTENT = (k.kOfxMessageError, k.kOfxMessageWarning, k.kOfxMessageMessage)


@dataclass(frozen=True)
class Message:
    """A message; ``kind`` is fatal, error, warning, message, log or question."""

    kind: str
    id: str
    text: str
    effect: Any = None


@dataclass(frozen=True)
class Progress:
    """One event of the progress suite: ``start`` (with a label), ``update`` (with a value) or ``end``."""

    event: str
    label: str = ""
    value: float = 0.0


class Talking:
    """Message, progress and time line suites, and what came through them.

    Attributes:
        messages: transient messages. progress: its events.
        answer: what the user says to a question. cancel: at which progress the user presses cancel.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.messages: list[Message] = []
        self.progress: list[Progress] = []
        self.answer = True
        self.cancel: Callable[[float], bool] = lambda value: False

    # ---- messages

    def _read(
        self,
        effect: Any,
        kind: bytes | None,
        id_: bytes | None,
        template: bytes | None,
        rest: tuple[Any, ...],
    ) -> Message:
        journal, where = self.core.journal, self.core.describe_action()
        type_ = read_text(kind, journal, where)
        if type_ not in _KINDS:
            journal.violate("message type", where, repr(type_))
            raise Refusal(k.kOfxStatFailed)
        form = read_text(need(template, journal, where, "the format of a message"), journal, where)
        try:
            text = format_message(form, rest[:MESSAGE_INTEGERS], rest[MESSAGE_INTEGERS:])
            if not self.core.personality.formats:
                text = leave_out_arguments(form)
        except ValueError as error:
            journal.violate("message format", where, str(error))
            text = form
        return Message(_KINDS[type_], read_text(id_, journal, where), text, effect)

    def post(
        self, handle: int | None, kind: bytes | None, id_: bytes | None, template: bytes | None, *rest: Any
    ) -> int:
        effect = self.core.find(handle, (Descriptor, Instance), "message") if handle else None
        message = self._read(effect, kind, id_, template, rest)
        self.messages.append(message)
        if message.kind != "question":
            return k.kOfxStatOK
        return k.kOfxStatReplyYes if self.answer else k.kOfxStatReplyNo

    def persist(
        self, handle: int | None, kind: bytes | None, id_: bytes | None, template: bytes | None, *rest: Any
    ) -> None:
        instance: Instance = self.core.find(handle, Instance, "setPersistentMessage")
        message = self._read(instance, kind, id_, template, rest)
        if message.kind not in {_KINDS[v] for v in _PERSISTENT}:
            self.core.journal.violate("message type", str(instance), f"a persistent {message.kind}")
        instance.persistent_message = message
        instance.message_history.append(message)

    def clear(self, handle: int | None) -> None:
        instance: Instance = self.core.find(handle, Instance, "clearPersistentMessage")
        instance.persistent_message = None

    # ---- progress

    def _start(self, handle: int | None, label: bytes | None, id_: bytes | None = None) -> None:
        instance: Instance = self.core.find(handle, Instance, "progressStart")
        if instance.progress_open:
            self.core.journal.violate("progress", str(instance), "started while another is open")
            raise Refusal(k.kOfxStatFailed)
        instance.progress_open = True
        self.progress.append(Progress("start", read_text(label, self.core.journal, str(instance))))

    def _update(self, handle: int | None, value: float) -> int:
        instance: Instance = self.core.find(handle, Instance, "progressUpdate")
        if not instance.progress_open:
            self.core.journal.violate("progress", str(instance), "updated without a start")
            raise Refusal(k.kOfxStatErrBadHandle)
        if not 0.0 <= value <= 1.0:
            self.core.journal.violate("progress", str(instance), f"{value} is not within 0..1")
        self.progress.append(Progress("update", value=value))
        lost = self.core.personality.lags or self.cancel(value)
        return k.kOfxStatReplyNo if lost else k.kOfxStatOK

    def _end(self, handle: int | None) -> None:
        instance: Instance = self.core.find(handle, Instance, "progressEnd")
        if not instance.progress_open:
            self.core.journal.violate("progress", str(instance), "ended without a start")
            raise Refusal(k.kOfxStatErrBadHandle)
        instance.progress_open = False
        self.progress.append(Progress("end"))

    # ---- time line

    def _get_time(self, handle: int | None, out: Any) -> None:
        instance: Instance = self.core.find(handle, Instance, "getTime")
        need(out, self.core.journal, str(instance), "the place for the time")[0] = instance.timeline

    def _goto_time(self, handle: int | None, time: float) -> None:
        instance: Instance = self.core.find(handle, Instance, "gotoTime")
        first, last = instance.timeline_bounds
        if not first <= time <= last:
            raise Refusal(k.kOfxStatErrValue)
        instance.timeline = time

    def _bounds(self, handle: int | None, first: Any, last: Any) -> None:
        instance: Instance = self.core.find(handle, Instance, "getTimeBounds")
        need(first, self.core.journal, str(instance), "the place for the first time")[0] = (
            instance.timeline_bounds[0]
        )
        need(last, self.core.journal, str(instance), "the place for the last time")[0] = (
            instance.timeline_bounds[1]
        )

    def build_suites(self) -> dict[tuple[str, int], Any]:
        """Suites by name and version."""
        journal = self.core.journal
        progress: dict[str, Any] = {
            "progressStart": self._start, "progressUpdate": self._update, "progressEnd": self._end,
        }  # fmt: skip
        return {
            (k.kOfxMessageSuite, 1): fill_suite(MessageSuiteV1, {"message": self.post}, journal),
            (k.kOfxMessageSuite, 2): fill_suite(
                MessageSuiteV2,
                {
                    "message": self.post,
                    "setPersistentMessage": self.persist,
                    "clearPersistentMessage": self.clear,
                },
                journal,
            ),
            (k.kOfxProgressSuite, 1): fill_suite(ProgressSuiteV1, dict(progress), journal),
            (k.kOfxProgressSuite, 2): fill_suite(ProgressSuiteV2, dict(progress), journal),
            (k.kOfxTimeLineSuite, 1): fill_suite(
                TimeLineSuiteV1,
                {"getTime": self._get_time, "gotoTime": self._goto_time, "getTimeBounds": self._bounds},
                journal,
            ),
        }

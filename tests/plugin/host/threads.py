"""How does the host run a plugin's function on several threads, and lend it locks?"""

from __future__ import annotations

import threading
from typing import Any

from host import constants as k
from host.callbacks import Refusal, fill_suite, need
from host.core import Core
from host.suites import THREAD_FUNCTION, MultiThreadSuiteV1


class Mutex:
    """One mutex: recursive, as its lock count says."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.count = 0


class Threads:
    """The multi-thread suite; ``cpus`` is what the plugin is told."""

    def __init__(self, core: Core, cpus: int) -> None:
        self.core, self.cpus = core, cpus
        self._mutexes: dict[int, Mutex] = {}

    def multiThread(self, function: int | None, count: int, argument: int | None) -> None:
        where = self.core.describe_action()
        need(function, self.core.journal, where, "the function of multiThread")
        if getattr(self.core.local, "thread_index", None) is not None:
            self.core.journal.violate("nested multiThread", where, "called from a thread that it had spawned")
            raise Refusal(k.kOfxStatErrExists)
        call = THREAD_FUNCTION(function)  # type: ignore[arg-type]
        total = max(1, min(count or self.cpus, self.cpus))
        context = self.core.context

        def run(index: int) -> None:
            self.core.local.thread_index = index
            with self.core.inside(context):
                call(index, total, argument)

        spawned = [threading.Thread(target=run, args=(index,)) for index in range(total)]
        for thread in spawned:
            thread.start()
        for thread in spawned:
            thread.join()

    def multiThreadNumCPUs(self, out: Any) -> None:
        need(out, self.core.journal, "multiThreadNumCPUs", "the place for the number")[0] = self.cpus

    def multiThreadIndex(self, out: Any) -> None:
        index = getattr(self.core.local, "thread_index", None)
        need(out, self.core.journal, "multiThreadIndex", "the place for the index")[0] = index or 0

    def multiThreadIsSpawnedThread(self) -> int:
        return int(getattr(self.core.local, "thread_index", None) is not None)

    def mutexCreate(self, out: Any, count: int) -> None:
        mutex = Mutex()
        for _ in range(count):
            mutex.lock.acquire()
            mutex.count += 1
        handle = self.core.handles.open(mutex)
        self._mutexes[handle] = mutex
        need(out, self.core.journal, "mutexCreate", "the place for the handle")[0] = handle

    def mutexDestroy(self, handle: int | None) -> None:
        mutex: Mutex = self.core.find(handle, Mutex, "mutexDestroy")
        if mutex.count > 0:
            self.core.journal.violate("mutex", self.core.describe_action(), "destroyed while it is locked")
        self._mutexes.pop(handle or 0)
        self.core.handles.close(handle or 0, "a mutex, destroyed")

    def mutexLock(self, handle: int | None) -> None:
        mutex: Mutex = self.core.find(handle, Mutex, "mutexLock")
        mutex.lock.acquire()
        mutex.count += 1

    def mutexUnLock(self, handle: int | None) -> None:
        mutex: Mutex = self.core.find(handle, Mutex, "mutexUnLock")
        mutex.count -= 1
        try:
            mutex.lock.release()
        except RuntimeError:
            mutex.count += 1
            where = self.core.describe_action()
            self.core.journal.violate("mutex", where, "unlocked by a thread that does not hold it")
            raise Refusal(k.kOfxStatFailed) from None

    def mutexTryLock(self, handle: int | None) -> None:
        mutex: Mutex = self.core.find(handle, Mutex, "mutexTryLock")
        if not mutex.lock.acquire(blocking=False):
            raise Refusal(k.kOfxStatFailed)
        mutex.count += 1

    def report_leaks(self, where: str) -> None:
        for handle in list(self._mutexes):
            self.core.journal.violate("leaked mutex", where, "a mutex was never destroyed")
            self._mutexes.pop(handle)
            self.core.handles.close(handle, "a mutex, leaked")

    def build_suite(self) -> Any:
        members = {name: getattr(self, name) for name, _ in MultiThreadSuiteV1._fields_}
        return fill_suite(MultiThreadSuiteV1, members, self.core.journal)

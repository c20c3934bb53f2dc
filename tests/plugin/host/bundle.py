"""Where in a bundle is the binary, and how is it opened and closed again?"""

from __future__ import annotations

import _ctypes
import contextlib
import ctypes
import os
import platform
import sys
from pathlib import Path

from host.suites import OfxPluginStruct


def find_binary(path: str | Path) -> Path:
    """The .ofx file of a bundle for this machine; a path of a .ofx itself is returned.

    Raises:
        FileNotFoundError: there is none.
    """
    path = Path(path)
    if path.is_file():
        return path
    if sys.platform == "darwin":
        folders = ["MacOS"]
    elif sys.platform == "win32":
        folders = ["Win64"]
    else:
        folders = [f"Linux-{platform.machine().replace('_', '-')}", "Linux-x86-64", "Linux-arm64"]
    for folder in folders:
        found = sorted((path / "Contents" / folder).glob("*.ofx"))
        if found:
            return found[0]
    raise FileNotFoundError(f"{path} holds no Contents/{folders[0]}/*.ofx")


def find_bundle(binary: Path) -> Path:
    """The bundle's folder, else the binary's own."""
    for parent in binary.parents:
        if parent.name.endswith(".ofx.bundle"):
            return parent
    return binary.parent


class Library:
    """An opened .ofx."""

    def __init__(self, binary: Path) -> None:
        self.binary = binary.resolve()
        self._library: ctypes.CDLL | None = ctypes.CDLL(str(self.binary), mode=os.RTLD_NOW | os.RTLD_LOCAL)
        self.missing = [
            name for name in ("OfxGetNumberOfPlugins", "OfxGetPlugin") if not hasattr(self._library, name)
        ]

    def set_host(self, host: ctypes.Structure) -> int | None:
        """Call OfxSetHost where it is exported; its status."""
        function = getattr(self._library, "OfxSetHost", None)
        if function is None:
            return None
        function.restype, function.argtypes = ctypes.c_int, [ctypes.c_void_p]
        return int(function(ctypes.addressof(host)))

    def list_structs(self) -> list[OfxPluginStruct]:
        """Structs of all plugins; a null one is left out."""
        count, get = self._library.OfxGetNumberOfPlugins, self._library.OfxGetPlugin  # type: ignore[union-attr]
        count.restype, count.argtypes = ctypes.c_int, []
        get.restype, get.argtypes = ctypes.c_void_p, [ctypes.c_int]
        addresses = [get(index) for index in range(count())]
        return [OfxPluginStruct.from_address(address) for address in addresses if address]

    def close(self) -> None:
        """Let the loader unload it; nothing of it may be called afterwards."""
        if self._library is not None:
            handle, self._library = self._library._handle, None
            _ctypes.dlclose(handle)

    def resident(self) -> bool:
        """Whether the process still has it mapped (always False where /proc is not there)."""
        with contextlib.suppress(OSError):
            return str(self.binary) in Path("/proc/self/maps").read_text()
        return False

"""Is a manifest of weights refused or complete?"""

from __future__ import annotations

from target import file_of

from retempo.models import manifest

WORDS = (b"[[weights]]", b"[[weights.files]]", b'name = "x"', b"parameters = 1", b"[", b"{")
LONGEST = 4096


def parse(data: bytes) -> None:
    manifest._read.cache_clear()
    for entry in manifest.read_manifest(file_of(data, ".toml")):
        assert entry.flag and (entry.to_fetch is None or entry.to_fetch.url)


def seeds() -> dict[str, bytes]:
    file = 'file = "a.pth"\nby = "b"\ntrained_on = "c"\nlicence = "MIT"\npage = "d"\nurl = "https://e"\nsize = 3\n'
    head = 'name = "n"\nwhat = "w"\nnetwork = "x"\npaper = "p"\nparameters = 5\nflow = "raft"\n'
    return {"one.toml": f"[[weights]]\n{head}[[weights.files]]\n{file}".encode()}

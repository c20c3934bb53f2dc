"""Which tensors are in a TorchScript archive? Read without loading its program; nothing in it is executed.

Such an archive is a zip file: ``data.pkl`` describes the tree of modules, ``data/N`` holds the bytes of its tensors,
``code/`` its program, which is not looked at. ``data.pkl`` is a pickle, but no unpickler runs here: the few opcodes
that TorchScript writes are followed, what they would call is compared with a short list, and a module is a name with
fields.
"""

from __future__ import annotations

import math
import pickletools
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from retempo.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

STORAGES: Final = {
    "torch.FloatStorage": "float32",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.DoubleStorage": "float64",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}
"""What tensors may be made of, and the type of its values."""

AS_GIVEN: Final = frozenset(
    (
        "torch._utils._rebuild_parameter",
        "torch.jit._pickle.build_intlist",
        "torch.jit._pickle.build_doublelist",
        "torch.jit._pickle.build_boollist",
        "torch.jit._pickle.build_tensorlist",
        "torch.jit._pickle.restore_type_tag",
    )
)
"""What TorchScript calls to say a type: the first argument stands for the result."""

MOST_DESCRIPTION: Final = 1 << 24
MOST_MODULES: Final = 100_000
LONGEST_NAME: Final = 1024
_AGAIN: Final = "get the file again from where its authors publish it"
_MARK: Final = object()


class _Global(NamedTuple):
    """A name that the description mentions; nothing is imported for it."""

    name: str


class _Storage(NamedTuple):
    """Values that tensors are views of: their type, and which file of the archive."""

    kind: str
    key: str


@dataclass(slots=True)
class _Module:
    """An object of a class of the archive's own."""

    kind: str
    fields: dict[Any, Any] = field(default_factory=dict)


def is_torchscript(path: Path) -> bool:
    """Is this file an archive of that kind (and not what ``torch.save`` writes)?"""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """Parameter or buffer -> tensor, under the names that ``state_dict`` would give.

    Raises:
        InputError: the archive is damaged, or describes what is no tree of modules with tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            reader = _Reader(archive, 3 * path.stat().st_size)
            root = reader.follow(reader.file("data.pkl", MOST_DESCRIPTION))
            return dict(_tensors(root))
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from error
    except Exception as error:  # a damaged file can make zipfile, pickletools and torch raise nearly anything
        raise InputError(f"{path} is a damaged TorchScript archive: {error}", _AGAIN) from error


class _Reader:
    """Follows the description of one archive.

    Args:
        archive: the zip file. most: bytes that its values and its tensors may take.
    """

    def __init__(self, archive: zipfile.ZipFile, most: int) -> None:
        self._archive = archive
        found = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(found) != 1:
            raise InputError(f"it has {len(found)} descriptions of its modules", _AGAIN)
        self._folder = found[0].removesuffix("data.pkl")
        if f"{self._folder}byteorder" in archive.namelist() and self.file("byteorder", 16) != b"little":
            raise InputError("it was written on a big-endian machine", "write it again on another")
        self._storages: dict[_Storage, Tensor] = {}
        self._left = most

    def file(self, name: str, most: int) -> bytes:
        """Bytes of one file of the archive, which holds them as they are."""
        entry = self._archive.getinfo(self._folder + name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > most:
            raise InputError(f"{name} is compressed, or too large", _AGAIN)
        return self._archive.read(entry)

    def follow(self, description: bytes) -> Any:
        """What a pickle describes."""
        stack: list[Any] = []
        memo: dict[int, Any] = {}
        for opcode, said, _ in pickletools.genops(description):
            name, argument = opcode.name, cast(Any, said)
            if name == "STOP":
                return stack.pop()
            if name in ("PROTO", "FRAME"):
                continue
            if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            elif name in _VALUES:
                stack.append(argument)
            elif name in _EMPTY:
                stack.append(_EMPTY[name]())
            elif name in ("BINPUT", "LONG_BINPUT"):
                memo[argument] = stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                stack.append(memo[argument])
            elif name == "GLOBAL":
                stack.append(_Global(argument.replace(" ", ".")))
            elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
                count = int(name[-1])
                stack[len(stack) - count :] = [tuple(stack[len(stack) - count :])]
            else:
                self._gather(name, stack)
        raise InputError("its description does not end", _AGAIN)

    def _gather(self, name: str, stack: list[Any]) -> None:
        """The opcodes that put things together."""
        if name == "TUPLE":
            stack.append(tuple(_marked(stack)))
        elif name == "LIST":
            stack.append(_marked(stack))
        elif name in ("APPEND", "APPENDS"):
            values = _marked(stack) if name == "APPENDS" else [stack.pop()]
            _list(stack[-1]).extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            values = _marked(stack) if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            if not all(isinstance(key, (str, int)) for key in values[::2]):
                raise InputError("its description has a table whose keys are no names", _AGAIN)
            _table(stack[-1]).update(zip(values[::2], values[1::2], strict=True))
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "NEWOBJ":
            arguments, kind = stack.pop(), stack.pop()
            if not isinstance(kind, _Global) or not kind.name.startswith("__torch__.") or arguments != ():
                raise _stranger(kind)
            stack.append(_Module(kind.name))
        elif name == "BUILD":
            state, module = stack.pop(), stack[-1]
            if not isinstance(module, _Module):
                raise _stranger(module)
            module.fields = _table(state)
        elif name == "REDUCE":
            arguments, kind = stack.pop(), stack.pop()
            stack.append(self._called(kind, arguments))
        else:
            raise InputError(f"its description has {name}, which TorchScript does not write", _AGAIN)

    def _called(self, kind: Any, arguments: tuple[Any, ...]) -> Any:
        """What a call would have returned, for the few that are known."""
        called = kind.name if isinstance(kind, _Global) else ""
        if called == "torch._utils._rebuild_tensor_v2":
            return self._tensor(*arguments[:4])
        if called == "collections.OrderedDict" and arguments == ():
            return {}
        if called in AS_GIVEN:
            return arguments[0]
        raise _stranger(kind)

    def _tensor(
        self, storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
    ) -> Tensor:
        if not isinstance(storage, _Storage):
            raise _stranger(storage)
        values = self._values(storage)
        sides = [int(side) for side in shape]
        steps = [int(step) for step in strides]
        count = math.prod(sides)
        last = offset + sum((side - 1) * step for side, step in zip(sides, steps, strict=True))
        if min([offset, *sides, *steps]) < 0 or (count and last >= len(values)) or count > len(values):
            raise InputError("a tensor reaches beyond its values", _AGAIN)
        self._spend(count * values.element_size())
        return values.as_strided(sides, steps, offset) if count else values[:0].reshape(sides)

    def _values(self, storage: _Storage) -> Tensor:
        import torch

        if storage not in self._storages:
            kind = getattr(torch, storage.kind)
            data = bytearray(self.file(f"data/{storage.key}", self._left))
            self._spend(len(data))
            self._storages[storage] = (
                torch.frombuffer(data, dtype=kind) if data else torch.empty(0, dtype=kind)
            )
        return self._storages[storage]

    def _spend(self, count: int) -> None:
        """Count bytes: a file may name the same values a million times."""
        self._left -= count
        if self._left < 0:
            raise InputError("it describes more tensors than it holds values for", _AGAIN)


_CONSTANTS: Final = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "MARK": _MARK}
_VALUES: Final = frozenset(
    (
        "BININT",
        "BININT1",
        "BININT2",
        "LONG1",
        "BINFLOAT",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINSTRING",
        "SHORT_BINSTRING",
    )
)
_EMPTY: Final = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}


def _marked(stack: list[Any]) -> list[Any]:
    """Take off what lies above the last mark, and the mark."""
    at = len(stack) - 1
    while stack[at] is not _MARK:
        at -= 1
        if at < 0:
            raise InputError("its description closes what it did not open", _AGAIN)
    values = stack[at + 1 :]
    del stack[at:]
    return values


def _storage(said: tuple[Any, ...]) -> _Storage:
    """From ('storage', its type, its file, the device, how many values)."""
    word, kind, key, *_ = said
    if (
        word != "storage"
        or not isinstance(kind, _Global)
        or kind.name not in STORAGES
        or not isinstance(key, str)
    ):
        raise _stranger(kind)
    return _Storage(STORAGES[kind.name], key)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InputError("its description adds to what is no list", _AGAIN)
    return value


def _table(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise InputError("its description fills what is no table", _AGAIN)
    return value


def _stranger(kind: Any) -> InputError:
    name = kind.name if isinstance(kind, _Global) else f"a {type(kind).__name__}"
    return InputError(f"it asks for {name}: loading it would run code", _AGAIN)


def _tensors(root: Any) -> Iterator[tuple[str, Tensor]]:
    """Names and tensors of a tree of modules."""
    from torch import Tensor

    if not isinstance(root, _Module):
        raise InputError("it is no tree of modules", _AGAIN)
    left = [("", root)]
    for _ in range(MOST_MODULES):
        if not left:
            return
        prefix, module = left.pop()
        for name, value in module.fields.items():
            if isinstance(value, Tensor):
                yield f"{prefix}{name}", value
            elif isinstance(value, _Module):
                if len(prefix) + len(str(name)) > LONGEST_NAME:  # it may hold itself
                    raise InputError(f"it has names of more than {LONGEST_NAME} letters", _AGAIN)
                left.append((f"{prefix}{name}.", value))
    raise InputError(f"it has more than {MOST_MODULES} modules", _AGAIN)

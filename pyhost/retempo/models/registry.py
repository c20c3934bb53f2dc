"""Which engines are there, and what does ``--engine ifrnet:large,scale=0.5`` mean?

Grammar: ``name[:variant][,option=value...]``. An engine's folder is imported when it is named, its network when it is
built. Engines that make only the frame halfway all have the option ``depth`` (``retempo.models.bisection``), the others
``steps`` (``retempo.models.indexing``); those that can work in tiles have ``tile`` (``retempo.models.tiles``).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from retempo.errors import UsageError, WeightsError
from retempo.models.base import Interpolator
from retempo.models.bisection import DEEPEST, DEPTH
from retempo.models.engine import Engine, Option, Variant
from retempo.models.indexing import MOST, Stepped
from retempo.models.manifest import find_entry
from retempo.models.tiles import Tiled

ENGINES: Final = ("splatsyn", "film", "ifrnet", "cain", "dbvi", "cspa", "ugsp", "softsplat")
"""Folders of this room, in the order in which people see them."""

PINNED: Final = 8
"""Characters of a digest by which weights are named."""


@dataclass(frozen=True)
class Choice:
    """An engine as a user asked for it.

    Attributes:
        engine, variant: which.
        options: keywords of ``Engine.adapt``.
        said: the options as they were written.
        weights: beginning of the SHA-256 that the weights must have; "" for any.
        depth: halvings at most, of engines that make only the frame halfway.
        steps: to an instant, of the others; None where nothing was said.
        tile: side of a tile in pixels; None for whole pictures.
        taught: keywords of ``Engine.objective``, of an engine that is trained.
    """

    engine: Engine
    variant: Variant
    options: dict[str, Any]
    said: dict[str, str]
    weights: str = ""
    depth: int = DEPTH
    steps: int | None = None
    tile: int | None = None
    taught: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The whole choice in one canonical word, without the pin."""
        return ",".join(
            [f"{self.engine.name}:{self.variant.name}"]
            + [f"{key}={self.said[key]}" for key in sorted(self.said)]
        )


def find_engine(name: str) -> Engine:
    """The engine of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in ENGINES:
        raise UsageError(f"there is no engine {name!r}", f"choose from {', '.join(ENGINES)}")
    found = importlib.import_module(f"retempo.models.{name}").ENGINE
    assert isinstance(found, Engine)
    return found


def parse_engine(text: str, *, training: bool = False) -> Choice:
    """Read what a user wrote; imports no torch.

    Args:
        training: the options of the engine's objective may be said, too.

    Raises:
        UsageError: an unknown engine, variant, option or value.
    """
    head, *pairs = (piece.strip() for piece in text.split(","))
    name, _, wanted = head.partition(":")
    engine = find_engine(name)
    known = {variant.name: variant for variant in engine.variants}
    if wanted and wanted not in known:
        raise UsageError(f"{name} has no variant {wanted!r}", f"choose from {', '.join(known)}")
    lessons = engine.objective_options if training else {}
    table = {**lessons, **list_options(engine)}
    values: dict[str, Any] = {}
    common: dict[str, Any] = {}
    taught: dict[str, Any] = {}
    said: dict[str, str] = {}
    pin = ""
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if key == "weights" and value:
            pin = value.lower()
            continue
        option = table.get(key)
        if option is None or not equals:
            raise UsageError(f"{name} has no option {pair!r}", f"its options: {', '.join(table) or 'none'}")
        place = values if key in engine.options else taught if option is lessons.get(key) else common
        try:
            place[option.keyword] = option.kind(value)
        except ValueError as error:
            raise UsageError(f"{name}: {pair}: {error}", f"{key}: {option.help}") from error
        if place is not taught:
            said[key] = value
    variant = known[wanted] if wanted else engine.variants[0]
    return Choice(engine, variant, values, said, pin, **common, taught=taught)


def list_options(engine: Engine) -> dict[str, Option]:
    """What may be said of an engine, its own options and those that come with its capabilities."""
    common = {"steps": _STEPS} if engine.capabilities.any_time else {"depth": _HALVINGS}
    tiles = {} if engine.capabilities.halo is None else {"tile": _TILE}
    return {**common, **tiles, **engine.options}


def _read_up_to(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text)
        if not 1 <= number <= most:
            raise ValueError(f"not from 1 to {most}")
        return number

    return read


_HALVINGS: Final = Option(
    "depth", _read_up_to(DEEPEST), f"halvings at most to reach an instant, 1 to {DEEPEST}; default {DEPTH}"
)
_TILE: Final = Option("tile", _read_up_to(1 << 16), "work in tiles of this side in pixels, to save memory")
_STEPS: Final = Option(
    "steps",
    _read_up_to(MOST),
    f"pictures made on the way to an instant, each from the one before, 1 to {MOST}",
)


def pin_engine(text: str) -> str:
    """The same choice with the weights named that are here; unchanged where there are none, or where it names some.

    Raises:
        UsageError: the text says nothing sensible.
        InputError: the weights are broken.
    """
    from retempo.models.weights import inspect, is_usable

    choice = parse_engine(text)
    name = choice.variant.weights
    found = inspect(name) if name and not choice.weights and is_usable(name) else None
    return text if found is None else f"{text},weights={found.source_sha256[:PINNED]}"


def describe_engines() -> list[dict[str, Any]]:
    """Every engine and variant for ``retempo info --engines``, JSON-ready: ``name``, ``title``, ``paper``,
    ``parameters``, ``capabilities``, ``options``, ``weights`` (what the manifest calls them, whether they are here, and
    where and under which licence they were published).
    """
    from retempo.models.weights import is_usable

    found = []
    for engine in (find_engine(name) for name in ENGINES):
        for variant in engine.variants:
            entry = find_entry(variant.weights) if variant.weights else None
            published = [
                {"file": one.file, "licence": one.licence, "page": one.page}
                for one in (entry.files if entry else ())
            ]
            weights = {
                "entry": variant.weights,
                "found": not variant.weights or is_usable(variant.weights),
                "published": published,
            }
            found.append(
                {
                    "name": f"{engine.name}:{variant.name}",
                    "title": engine.title,
                    "paper": engine.paper,
                    "parameters": variant.parameters,
                    "capabilities": asdict(engine.capabilities),
                    "options": {key: option.help for key, option in list_options(engine).items()},
                    "weights": weights,
                }
            )
    return found


def load_engine(
    text: str, *, device: str = "cpu", allow_untrained: bool = False, seed: int = 0
) -> Interpolator:
    """The engine that a user asked for, with its weights, on a device.

    Args:
        text: see the grammar above.
        device: a torch device.
        allow_untrained: take weights by chance, the same for the same seed, where there are none: for tests alone.
        seed: of those.

    Raises:
        UsageError: the text says nothing sensible.
        WeightsError: the weights, or PyTorch, are not here; or they are others than the text names.
        InputError: the weights are broken.
    """
    from retempo.models.weights import is_usable, load_weights, need_packages

    choice = parse_engine(text)
    need_packages(choice.engine.name)
    import torch

    kind, variant = choice.engine, choice.variant
    if variant.weights and not is_usable(variant.weights):
        if not allow_untrained:
            raise _untrained(choice)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = kind.build(variant.name)
        name = f"{choice.name},untrained={seed}"
    elif variant.weights:
        weights = load_weights(variant.weights)
        if choice.weights and not (
            len(choice.weights) >= PINNED and weights.digest.startswith(choice.weights)
        ):
            raise WeightsError(
                f"{choice.name} is asked for with the weights {choice.weights}, and those of "
                f"{weights.digest[:PINNED]} are here",
                "add the right file with `retempo weights add`, or leave weights= out",
            )
        with torch.device("meta"):
            network = kind.build(variant.name)
        network.load_state_dict(weights.state, strict=True, assign=True)
        name = f"{choice.name},weights={weights.digest[:PINNED]}"
    else:
        network, name = kind.build(variant.name), choice.name
    network.to(device).requires_grad_(False)
    steps = {"steps": choice.steps} if choice.steps is not None and variant.reference else {}
    engine = kind.adapt(network, name, **choice.options, **steps)
    engine = engine if choice.tile is None else Tiled(engine, choice.tile)
    return engine if choice.steps is None or steps else Stepped(engine, choice.steps)


def _untrained(choice: Choice) -> WeightsError:
    """What to tell whoever wants an engine whose weights are not here: where they are, under which licence."""
    entry = find_entry(choice.variant.weights)
    published = "; ".join(f"{one.file} ({one.licence}), {one.page}" for one in entry.files)
    train = f"`retempo train --engine {choice.engine.name}:{choice.variant.name}`"
    return WeightsError(
        f"{choice.name} has no weights here" + (f"; published: {published}" if published else ""),
        f"get the file and run `retempo weights add {entry.name} FILE`, or train: {train}",
    )

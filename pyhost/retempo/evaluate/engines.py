"""How do engines compare, as the literature prints it: quality, size, arithmetic, time?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from retempo.errors import UsageError
from retempo.evaluate.clip import Clip
from retempo.evaluate.cost import measure_cost
from retempo.evaluate.run import evaluate
from retempo.models.registry import ENGINES, parse_engine, pin_engine
from retempo.models.weights import is_usable
from retempo.render.settings import METHODS, RetimeSettings

Tell = Callable[[str], None]


def list_engines(text: str) -> list[str]:
    """The engines of ``--engines``: names with commas or, as options have commas, spaces between; ``all``.

    Raises:
        UsageError: one is unknown, or there is none.
    """
    wanted = text.split() if "=" in text else text.replace(",", " ").split()
    wanted = list(ENGINES) if wanted == ["all"] else wanted
    if not wanted:
        raise UsageError("--engines names none", f"choose from {', '.join(ENGINES)}, or say all")
    for one in wanted:
        parse_engine(one)
    return wanted


def compare_engines(
    clips: Sequence[Clip],
    names: Sequence[str],
    settings: RetimeSettings,
    *,
    cap: float,
    size: tuple[int, int],
    tell: Tell,
) -> list[dict[str, Any]]:
    """A line an engine.

    Args:
        clips: to score the engines on whose weights are here.
        names: see ``list_engines``.
        settings: of the retime, but for the engine.
        cap: see ``Score``.
        size: width and height at which cost is measured.
        tell: hears what is being done.

    Returns:
        ``name``, ``parameters``, ``weights`` (are they here?), ``psnr`` and ``ssim`` (None without weights),
        ``frames``, ``teraflops``, ``seconds``, ``eight_to_two`` (``Cost``).

    Raises:
        InputError, UsageError, DeviceError: see ``evaluate``.
    """
    lines = []
    for name in names:
        variant = parse_engine(name).variant
        here = not variant.weights or is_usable(variant.weights)
        line: dict[str, Any] = {"name": name, "parameters": variant.parameters, "weights": here}
        line |= {"psnr": None, "ssim": None, "frames": 0}
        if here:
            tell(f"{name}: scoring")
            engine = name if name in METHODS else pin_engine(name)
            mean = evaluate(clips, replace(settings, engine=engine), cap=cap).mean()
            line |= {key: mean[key] for key in ("psnr", "ssim", "frames")}
        tell(f"{name}: measuring its cost")
        line |= asdict(measure_cost(name, *size, device=settings.device))
        lines.append(line)
    return lines

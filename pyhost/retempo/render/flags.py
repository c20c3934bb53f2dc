"""How do tables of settings become flags of a command, and flags settings again?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from retempo.render.declaring import absolute
from retempo.render.settings import RetimeSettings


def add_setting_arguments(
    parser: argparse.ArgumentParser,
    groups: Iterable[str] = (),
    leave_out: Iterable[str] = (),
    defaults: Mapping[str, Any] | None = None,
    table: Any = RetimeSettings,
) -> None:
    """Give ``parser`` a flag for every setting of ``groups`` (default: all), grouped as they are here.

    ``defaults`` are what help texts say where a command has its own. ``table``: another dataclass of such settings.
    """
    told = {one.name: one.default for one in fields(table)} | dict(defaults or {})
    wanted, skipped = set(groups), set(leave_out)
    sections: dict[str, Any] = {}
    for one in fields(table):
        meta = one.metadata
        if one.name in skipped or (wanted and meta["group"] not in wanted):
            continue
        section = sections.setdefault(meta["group"], None) or parser.add_argument_group(meta["group"])
        sections[meta["group"]] = section
        flag, text = "--" + one.name.replace("_", "-"), meta["help"].replace("%", "%%")
        if meta["kind"] is bool:
            section.add_argument(
                flag,
                dest=one.name,
                action=argparse.BooleanOptionalAction,
                default=argparse.SUPPRESS,
                help=text,
            )
            continue
        shown = f" (default: {told[one.name]})" if told[one.name] not in ("", None, ()) else ""
        section.add_argument(
            flag,
            dest=one.name,
            action="append" if meta["many"] else "store",
            type=_word_or_number(meta["words"], meta["kind"]) if meta["words"] else meta["kind"],
            choices=meta["choices"],
            default=argparse.SUPPRESS,
            metavar=_metavar(meta),
            help=text + shown,
        )


def _metavar(meta: Mapping[str, Any]) -> str | None:
    if meta["choices"]:
        return None
    return "|".join([(meta["unit"] or meta["kind"].__name__).upper(), *(meta["words"] or ())])


def _word_or_number(words: Mapping[str, int], kind: Callable[[str], float]) -> Callable[[str], float]:
    def read(text: str) -> float:
        return words[text] if text in words else kind(text)

    read.__name__ = " or ".join([kind.__name__, *words])  # argparse names it in errors
    return read


def settings_from(values: Mapping[str, Any], table: Any = RetimeSettings) -> Any:
    """Settings from a mapping that may hold other things too (an argparse namespace's ``vars``).

    Args:
        values: by name; what is not there has its default. table: ``RetimeSettings``, or another dataclass of settings.

    Raises:
        UsageError: a value is out of range.
    """
    declared = {one.name: one for one in fields(table)}
    chosen = {name: value for name, value in values.items() if name in declared}
    many = {name: tuple(value) for name, value in chosen.items() if declared[name].metadata["many"]}
    return table(**{**chosen, **many})


def spell_flags(settings: Any) -> list[str]:
    """The flags that give these settings again, those that differ from their defaults; paths in full.

    What ``quality`` stood for is in other settings by now, so it is left out.
    """
    spelled: list[str] = []
    for one in fields(settings):
        value = absolute(one, getattr(settings, one.name))
        if value == one.default or one.name == "quality":
            continue
        flag = "--" + one.name.replace("_", "-")
        if one.metadata["kind"] is bool:
            spelled.append(flag if value else f"--no-{flag[2:]}")
            continue
        names = {number: word for word, number in (one.metadata["words"] or {}).items()}
        for each in value if one.metadata["many"] else (value,):
            text = str(names.get(each, each))
            spelled += [f"{flag}={text}"] if text.startswith("-") or not text else [flag, text]
    return spelled

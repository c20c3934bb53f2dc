"""Which OCIO config is meant, and does it know the colour space that was named?

Order in which a config is looked for: the explicit argument (a path to ``.ocio``/``.ocioz``, or an
``ocio://`` name), then ``$OCIO``, then :data:`DEFAULT_CONFIG`, the CG config built into OpenColorIO.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path

import PyOpenColorIO as ocio

from retempo.errors import ColorError

DEFAULT_CONFIG = "ocio://default"
SCENE_LINEAR = "scene_linear"
OCIO_ERRORS = (ocio.Exception, ocio.ExceptionMissingFile)  # the second is no subclass of the first


class ColorConfig:
    """An OCIO config, where it came from, and questions about its colour spaces with helpful errors.

    Immutable after construction, so any number of threads may share one.
    """

    def __init__(self, config: ocio.Config, source: str) -> None:
        self.config = config
        self.source = source

    @property
    def name(self) -> str:
        """The config's own name, else the file name or URI that it was loaded from."""
        return self.config.getName() or Path(self.source).name or self.source

    @property
    def cache_id(self) -> str:
        """Identity of the config's content, the same on every machine, for hashes of settings.

        OCIO appends a hash of the environment variables after a colon; that half is left out.
        """
        return str(self.config.getCacheID()).partition(":")[0]

    def spaces(self) -> list[str]:
        """Names of the active colour spaces, in the config's order."""
        return list(self.config.getColorSpaceNames())

    def roles(self) -> dict[str, str]:
        """Role -> colour space."""
        return {str(role): str(space) for role, space in self.config.getRoles()}

    def role(self, role: str) -> str | None:
        """The colour space that a role stands for, or None when the config does not define it."""
        return str(self.config.getRoleColorSpace(role)) if self.config.hasRole(role) else None

    def require_role(self, role: str, purpose: str) -> str:
        """The colour space of a role that cannot be done without; ColorError names the purpose."""
        space = self.role(role)
        if space is None:
            raise ColorError(
                f"OCIO config {self.source} has no role '{role}', needed for {purpose}",
                f"name a colour space instead; the config has: {_shortlist(self.spaces())}",
            )
        return self.space(space, f"role '{role}'")

    def space(self, name: str, purpose: str = "colour space") -> str:
        """Canonical name of a colour space given by name, alias or role (case does not matter).

        Raises:
            ColorError: unknown, with the nearest names that do exist; or a named transform.
        """
        found = self.config.getColorSpace(name)
        if found is not None:
            return str(found.getName())
        if self.config.getNamedTransform(name) is not None:
            raise ColorError(
                f"{purpose} '{name}' is a named transform in OCIO config {self.source}, not a colour space",
                f"choose one of: {_shortlist(self.spaces())}",
            )
        known = self._all_names()
        raise ColorError(
            f"{purpose} '{name}' does not exist in OCIO config {self.source}",
            suggest(name, known, self.spaces()),
        )

    def is_data(self, space: str) -> bool:
        """True for spaces that colour transforms leave alone (raw, ids, normals)."""
        return bool(self.config.getColorSpace(space).isData())

    def is_linear(self, space: str) -> bool:
        """True when values are proportional to light (``encoding`` says so, or OCIO finds out)."""
        found = self.config.getColorSpace(space)
        return bool(self.config.isColorSpaceLinear(space, found.getReferenceSpaceType()))

    def encoding(self, space: str) -> str:
        """The space's ``encoding`` attribute, for example ``scene-linear``, ``log``, ``sdr-video`` or ''."""
        return str(self.config.getColorSpace(space).getEncoding())

    def is_display_referred(self, space: str) -> bool:
        """True for encoded pictures: display spaces, and scene spaces with a video encoding."""
        found = self.config.getColorSpace(space)
        if found.isData() or self.is_linear(space):
            return False
        return found.getReferenceSpaceType() == ocio.REFERENCE_SPACE_DISPLAY or found.getEncoding() in (
            "sdr-video",
            "hdr-video",
        )

    def processor(self, source: str, target: str) -> ocio.Processor:
        """Processor between two colour spaces.

        Raises:
            ColorError: OCIO cannot build it, for example because a LUT file is missing.
        """
        return self.transform_processor(
            ocio.ColorSpaceTransform(src=source, dst=target), f"'{source}' to '{target}'"
        )

    def transform_processor(self, transform: ocio.Transform, what: str) -> ocio.Processor:
        """Processor of any OCIO transform; ``what`` names it in the error."""
        try:
            return self.config.getProcessor(transform)
        except OCIO_ERRORS as error:
            raise ColorError(
                f"OCIO cannot build the transform {what} of config {self.source}: {_one_line(error)}",
                "check the config and the LUT files in its search path",
            ) from error

    def _all_names(self) -> list[str]:
        names = list(self.config.getColorSpaceNames(ocio.SEARCH_REFERENCE_SPACE_ALL, ocio.COLORSPACE_ALL))
        aliases = [alias for name in names for alias in self.config.getColorSpace(name).getAliases()]
        return [*names, *aliases, *self.roles()]


def find_config(config: str | os.PathLike[str] | ColorConfig | None = None) -> ColorConfig:
    """Load the config that is meant.

    Args:
        config: a path, ``ocio://default``, ``ocio://cg-config-latest``, ``ocio://studio-config-latest`` or
            any other built-in name, an already loaded config (returned as it is), or None: then ``$OCIO``
            if set and not empty, else :data:`DEFAULT_CONFIG`.

    Raises:
        ColorError: the file does not exist or is no valid config, or the built-in name is unknown.
    """
    if isinstance(config, ColorConfig):
        return config
    origin = "given as the OCIO config"
    text = os.fspath(config) if config is not None else ""
    if not text:
        text, origin = os.environ.get("OCIO", ""), "named by $OCIO"
    if not text:
        text, origin = DEFAULT_CONFIG, "the default OCIO config"
    if not text.startswith("ocio://"):
        path = Path(text).expanduser()
        if path.is_dir():
            raise ColorError(f"{path}, {origin}, is a folder", "name the .ocio or .ocioz file inside it")
        if not path.is_file():
            raise ColorError(
                f"{path}, {origin}, does not exist", f"give a path to a .ocio file, or {_builtin_hint()}"
            )
        text = str(path)
    try:
        return ColorConfig(ocio.Config.CreateFromFile(text), text)
    except OCIO_ERRORS as error:
        hint = _builtin_hint() if text.startswith("ocio://") else "check it with ociocheck"
        raise ColorError(f"{text}, {origin}, cannot be loaded: {_one_line(error)}", hint) from error


def _builtin_hint() -> str:
    names = [f"ocio://{name}" for name, *_ in ocio.BuiltinConfigRegistry().getBuiltinConfigs()]
    return f"one of ocio://default, ocio://cg-config-latest, ocio://studio-config-latest, {', '.join(names)}"


def suggest(name: str, known: Iterable[str], listed: Iterable[str] = ()) -> str:
    """The hint for an unknown name: the nearest of ``known``, else the beginning of ``listed``."""
    by_lower = {item.lower(): item for item in known}
    wanted = name.strip().lower()
    near = [by_lower[key] for key in difflib.get_close_matches(wanted, by_lower, n=4, cutoff=0.5)]
    near += [item for key, item in by_lower.items() if wanted and wanted in key and item not in near]
    if near:
        return f"did you mean {_shortlist(near[:5])}?"
    return f"the config has: {_shortlist(listed or by_lower.values())}"


def _shortlist(names: Iterable[str], most: int = 12) -> str:
    items = [f"'{name}'" for name in names]
    rest = len(items) - most
    return ", ".join(items[:most]) + (f" and {rest} more" if rest > 0 else "")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())

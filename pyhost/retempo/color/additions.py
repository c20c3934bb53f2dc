"""Where is the OCIO config that Retempo ships, and how does it join the user's?

``ocio/retempo_flow.ocio`` holds the colour space "Retempo Flow" (what flow sees, for looking at it in any
OCIO application) and its curve as a named transform. In a checkout it lies in the top-level ``ocio``
folder, in an installed package in ``retempo/ocio_data``.
"""

from __future__ import annotations

from pathlib import Path

import PyOpenColorIO as ocio

from retempo.color.config import OCIO_ERRORS, ColorConfig, find_config
from retempo.errors import ColorError

FILE_NAME = "retempo_flow.ocio"
FLOW_SPACE = "Retempo Flow"
FLOW_CURVE = "Retempo Flow - Curve"
_INTERCHANGE = "aces_interchange"


def additions_path() -> Path:
    """The shipped config file.

    Raises:
        ColorError: the installation lacks it.
    """
    package = Path(__file__).resolve().parents[1]
    places = (package / "ocio_data" / FILE_NAME, package.parents[1] / "ocio" / FILE_NAME)
    for place in places:
        if place.is_file():
            return place
    raise ColorError(f"{FILE_NAME} is missing from the installation", "install Retempo again")


def load_additions() -> ColorConfig:
    """The shipped config on its own: a valid config with AP0 as its reference."""
    return find_config(additions_path())


def with_additions(config: ColorConfig) -> ColorConfig:
    """The user's config with Retempo's colour space and named transform merged in.

    Nothing the user's config defines is changed: its roles, file rules, displays and spaces win. A config
    that has a "Retempo Flow" already is returned as it is. OCIO translates between the two reference
    spaces through the ``aces_interchange`` role.

    Raises:
        ColorError: the config has no ``aces_interchange`` role, so OCIO cannot know what its RGB means.
    """
    if config.config.getColorSpace(FLOW_SPACE) is not None:
        return config
    if config.role(_INTERCHANGE) is None:
        raise ColorError(
            f"'{FLOW_SPACE}' cannot join OCIO config {config.source}: it has no role {_INTERCHANGE}",
            "add that role to the config, or use the flow space 'auto', which needs none",
        )
    params = ocio.ConfigMergingParameters.Create()
    keep = ocio.ConfigMergingParameters.STRATEGY_BASE_ONLY
    for choose in (
        params.setRoles,
        params.setFileRules,
        params.setDisplayViews,
        params.setViewTransforms,
        params.setLooks,
    ):
        choose(keep)
    params.setColorspaces(ocio.ConfigMergingParameters.STRATEGY_PREFER_BASE)
    params.setNamedTransforms(ocio.ConfigMergingParameters.STRATEGY_PREFER_BASE)
    params.setAdjustInputReferenceSpace(True)
    params.setAvoidDuplicates(True)
    level = ocio.GetLoggingLevel()
    ocio.SetLoggingLevel(ocio.LOGGING_LEVEL_NONE)  # it warns of each duplicate that it rightly drops
    try:
        merged = ocio.ConfigMergingHelpers.MergeConfigs(params, config.config, load_additions().config)
    except OCIO_ERRORS as error:
        raise ColorError(f"'{FLOW_SPACE}' cannot join OCIO config {config.source}: {error}") from error
    finally:
        ocio.SetLoggingLevel(level)
    merged.setName(config.config.getName())
    merged.setDescription(config.config.getDescription())
    return ColorConfig(merged, config.source)

"""Where do tests find footage, and how do they say that there is none?"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# no test depends on how fast a machine is
settings.register_profile("retempo", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("retempo")

pytest_plugins = ["plates"]

# A job in the background of a shell ignores SIGINT, and its children would, too; tests interrupt some of them.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPO = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder with real footage: ``$RETEMPO_DATA``, else ``shared/data`` beside the checkout."""
    path = Path(os.environ.get("RETEMPO_DATA", REPO.parent / "shared" / "data"))
    if not (path / "clips").is_dir():
        pytest.skip(f"no footage at {path}; set RETEMPO_DATA to run this test")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is marked slow last, so that a failure elsewhere shows early."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)

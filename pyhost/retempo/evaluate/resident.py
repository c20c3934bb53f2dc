"""How much memory does a piece of work take at its worst? The resident set of this process, in MiB (Linux)."""

from __future__ import annotations

from pathlib import Path

STATUS = Path("/proc/self/status")
RESET = Path("/proc/self/clear_refs")


def reset_peak() -> bool:
    """Let the peak begin anew at what is held now; False where the system does not offer that."""
    try:
        RESET.write_text("5")
    except OSError:
        return False
    return True


def peak_mebibytes() -> float | None:
    """The largest resident set since ``reset_peak``, or since the start; None where the system does not say."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
    return None if found is None else int(found) / 1024

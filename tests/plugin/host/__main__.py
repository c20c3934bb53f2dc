"""What is in a bundle? ``python tests/plugin/host BUNDLE [--context C] [--json]`` lists and judges it.

Exit code 0: described without a broken rule; 1: rules were broken or a plugin refused; 2: no such bundle.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from host import OfxHost
from host.listing import describe_bundle, print_bundle
from host.plugin import CONTEXTS


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python tests/plugin/host", description=__doc__)
    parser.add_argument("bundle", type=Path, help="an .ofx.bundle folder or an .ofx file")
    parser.add_argument("--context", action="append", choices=sorted(CONTEXTS), help="default: all contexts")
    parser.add_argument("--no-temporal-access", action="store_true", help="be a host without it")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    host = OfxHost(
        contexts=tuple(options.context or CONTEXTS),
        strict=False,
        temporal_access=not options.no_temporal_access,
    )
    try:
        bundle = host.load(options.bundle)
    except (OSError, ValueError) as error:
        print(f"{options.bundle}: {error}", file=sys.stderr)
        return 2
    listing = describe_bundle(bundle)
    refused = bool(bundle.refused)
    host.close()
    listing["violations"] = [str(entry) for entry in host.violations]
    listing["notes"] = [str(entry) for entry in host.notes]
    listing["messages"] = [f"{message.kind}: {message.text}" for message in host.messages]
    if options.json:
        print(json.dumps(listing, indent=2))
    else:
        print_bundle(listing)
    return 1 if host.violations or refused else 0


if __name__ == "__main__":
    sys.exit(main())

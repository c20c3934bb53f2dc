"""What does ``python -m retempo`` do? The same as the ``retempo`` command."""

from __future__ import annotations

import sys

from retempo.cli import main

sys.exit(main())

"""How does a review become one page that needs no server, no network and no trust?

Style, script and data are inside of the file; pictures lie beside it. Its Content-Security-Policy allows that very
style, that very script (by their hashes) and pictures from the page's own place, and nothing else: no connection, no
frame, no form, no text that becomes markup.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib import resources
from string import Template
from typing import Any, Final

from retempo.report.review import Review

SCRIPTS: Final = (
    "model.js",
    "pictures.js",
    "stage.js",
    "transport.js",
    "timeline.js",
    "details.js",
    "main.js",
)
"""In this order they are one script."""
_ESCAPES: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def build_page(review: Review) -> str:
    """The text of ``index.html``. Whatever names and metadata hold, it is text there, never markup."""
    style = _part("review.css")
    script = "(() => {\n'use strict';\n" + "\n".join(_part(name) for name in SCRIPTS) + "\n})();\n"
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src 'self' file:",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        )
    )
    return Template(_part("review.html")).substitute(
        title=html.escape(review.title),
        policy=html.escape(policy, quote=True).replace("&#x27;", "'"),
        style=style,
        data=embed(review.as_dict()),
        script=script,
    )


def embed(data: Any) -> str:
    """JSON that can stand within a script element: it holds none of the characters that could end it."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), default=str)
    return "".join(_ESCAPES.get(letter, letter) for letter in text)


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _part(name: str) -> str:
    return resources.files("retempo.report").joinpath("page", name).read_text(encoding="utf-8")

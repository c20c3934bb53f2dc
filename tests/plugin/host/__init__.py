"""How is an OpenFX image effect run without an application around it?

A strict OpenFX host in Python: ``OfxHost`` loads bundles, ``FrameSequenceClip`` feeds them with numpy
pictures, everything that breaks a rule of the API is kept in ``OfxHost.violations``. See README.md one
folder up.
"""

from host.clips import FrameSequenceClip
from host.host import OfxHost
from host.images import Rect
from host.journal import Entry, OfxViolation
from host.plugin import ActionFailed

__all__ = ["ActionFailed", "Entry", "FrameSequenceClip", "OfxHost", "OfxViolation", "Rect"]

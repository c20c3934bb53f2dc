"""How do pixels get from a file's colour space into light, into what flow sees, and back?

Import the modules directly (``retempo.color.config``, ``retempo.color.pipeline``); this package file stays
empty so that importing it costs nothing.
"""

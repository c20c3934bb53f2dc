"""Retempo makes frames that were never shot."""

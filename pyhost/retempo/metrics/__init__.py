"""How good is a pixel? Importance metrics that steer splatting and merging, and quality figures of results."""

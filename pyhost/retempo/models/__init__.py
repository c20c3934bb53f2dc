"""Which trained networks can be used, and where are their weights?"""

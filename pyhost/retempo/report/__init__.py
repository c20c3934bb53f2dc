"""How does a person see at a glance what was computed: flow, error, a sheet of frames?"""

"""How do frames come in from disk, and how do they get back there, with nothing lost on the way?"""

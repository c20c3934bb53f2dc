"""How does a frame travel as the little that its neighbours do not already say?"""

"""How does flow that was searched small grow back along the edges of the pictures?"""

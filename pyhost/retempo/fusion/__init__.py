"""What does a poor shot gain from a good plate of the same view? Gradient-domain context enhancement."""

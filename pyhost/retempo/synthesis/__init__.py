"""What does the world look like between the frames? Flow and metrics in, in-between pixels out."""

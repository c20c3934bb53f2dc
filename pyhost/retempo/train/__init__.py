"""How are weights of our own made? Data, losses, and the splatting pipeline with gradients."""

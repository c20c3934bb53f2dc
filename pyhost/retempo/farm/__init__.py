"""How is a shot made by many machines? Jobs, their chunks, and the schedulers that run them."""

"""How is a classical flow corrected, and how far is it to be trusted? A small network of our own."""

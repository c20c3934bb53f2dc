"""What would the camera have seen in between? A procedural scene that can be photographed at any time."""

"""Where did every pixel go? Optical flow: estimated, read from files, checked."""

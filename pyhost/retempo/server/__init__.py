"""How does a host application get frames from Retempo? A process of the user's own, over a socket and shared memory."""

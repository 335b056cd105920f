"""What the services may say to each other: frozen models and typed clients."""

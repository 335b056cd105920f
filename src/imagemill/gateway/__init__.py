"""The gateway: knows who is calling, and hands every request to the service that it is for."""

"""Asynchronous image processing that you run yourself."""

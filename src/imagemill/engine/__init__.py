"""Pixels in a box: `sandbox` starts and guards child processes, `child` and below touch pixels.

`sandbox` is all that a service may import. Everything that loads a decoder runs in a program of
its own, started over file descriptors, and is never imported by a service.
"""

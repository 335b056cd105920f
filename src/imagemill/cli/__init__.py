"""The command line: one module for each command, and what they share.

`application` puts the commands together and turns errors into one line and an exit code. Commands
import what is heavy when they run, so that `imagemill --help` answers at once.
"""

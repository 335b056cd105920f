"""Copies of everything that is kept, made while the system runs, and the way back from them.

A backup is a folder:

    imagemill-backup.txt    says what it is; backups and readers lock it
    manifest.json           written last: every file with its size and digest
    state/ID/databases/     one moment of each database
    state/ID/keys/          the generated keys
    objects/BUCKET/xx/SHA   originals and results, named by their digest

Objects are named by digest and each run has a state of its own, so a run changes nothing that the
manifest of the run before it names. Who removes objects asks `removing` first.
"""

from __future__ import annotations

from imagemill.backup.lock import is_running, removing

__all__ = ["is_running", "removing"]

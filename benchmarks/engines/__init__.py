"""Imagemill on every engine that it knows, with the same photographs, side by side in one run."""

"""Imagemill beside raw libvips and four other ways to do the same work, measured in one run."""

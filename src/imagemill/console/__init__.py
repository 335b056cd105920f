"""The web pages: what a browser gets from `/`, `/docs` and `/assets/`."""

"""What runs Imagemill elsewhere: the image, Compose, Kubernetes, and what watches it."""

"""What lies within the wheels of the image."""

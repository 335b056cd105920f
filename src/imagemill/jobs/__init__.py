"""Jobs: accepted, kept, handed to workers, and brought to an end."""

"""The no-op benchmark: what a job costs when its work is nothing."""

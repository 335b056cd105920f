"""The move of a whole installation from a data folder to the engines that the settings name.

Rows go first, in batches: each is one transaction of the target that holds the rows and how far
they have come, so a run that is killed goes on where it stopped and copies nothing twice. Objects
follow, each compared with the digest in its row. In the end both sides are compared. The source is
only read, so the way back is to start it again.
"""

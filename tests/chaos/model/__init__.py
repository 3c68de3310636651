"""What must have happened, told from a client's own log: the independent expectation that the real system is held to.

It stands on the product's description alone and imports nothing of `core`, `services` or `schemas`: a disagreement is a
finding in one of the two. `expect` is the way in.
"""

"""A hand-in's notebooks: read within bounds, matched to the assignment's steps by content, executed in a worker,
compared (stored, executed, bar), and their inline answers collected.
"""

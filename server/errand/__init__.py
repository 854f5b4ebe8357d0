"""Jobs done in a process of their own: `python -m server.errand JOB_ID HOLDER`, or one after the
other.

A job may read hostile files and needs large libraries; in its own process it can be held to limits of
memory and time, cannot take the worker down with it, and gives all its memory back.

`python -m server.errand --follow` takes the jobs' ids and holders from standard input, a line each,
writes a line while it gets on and `done` after each, and ends with its input.
"""

"""Call a function in a child process with limits: what a stranger's file breaks is the child.

A child contains crashes, and what native code takes of memory and time. It has the permissions of
the user: it does not protect from code that a file runs.
"""

from imgrec.child_process.parent import ChildFailure, ChildProcess, ChildWorker, Limits

__all__ = ["ChildFailure", "ChildProcess", "ChildWorker", "Limits"]

"""The fault rig: the whole system as child processes, a proxy on every way between its parts, and a seed that draws what goes
wrong. `python -m tests.chaos.rig` is the way in.
"""

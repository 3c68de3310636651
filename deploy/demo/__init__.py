"""The demo: a workspace made through the public API, interactions played into it, and every effect checked.

It is a client like any other. What it did itself is its only knowledge: from that log the independent model in `tests/chaos/model`
tells what must be there, and the demo compares.
"""

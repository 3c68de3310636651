"""The product's own runtimes on a clock, a log and a database in memory: one seed draws the world, the schedule and the faults,
and the same seed plays the same again.

    schedule.py   one seed played: who comes, what fails, and what must be there at the end
    systems.py    the processes: evaluators, executors, relay, clients, and what can happen to each
    broker.py     topics, groups, fenced states; slow, or away
    store.py      rows, ledger, outbox, dead letters; slow, away, or silent about a commit
    virtual.py    an event loop whose time passes only when nobody has anything to do

What is real: lanes, evaluation and the core, ownership through rebalances, the executors' consumer, pipeline and settlement. What
stands in for a server keeps that server's promises and no more: acknowledged is kept, unanswered may be either.
"""

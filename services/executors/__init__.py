"""Carries out commands, one kind per executor: `python -m services.executors score tags` runs these two in one process.

A record executor changes the prospect's record exactly once per command: effect, mark and ledger row are one transaction,
and offsets are committed after it. What it guarantees stands at the head of `runtime/pipeline.py`.
"""

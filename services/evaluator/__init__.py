"""The evaluator: judges every interaction against the versions stamped on it, and turns what fires into commands."""

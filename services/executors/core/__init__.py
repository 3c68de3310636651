"""The executors' own rules without any I/O."""

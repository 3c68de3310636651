"""Examines a deployment: every check is one line, and what is not right says what to do. Nothing is changed."""

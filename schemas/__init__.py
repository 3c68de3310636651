"""The contracts between the services: what travels in a topic or over HTTP, and nothing else."""

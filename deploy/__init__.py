"""What brings the system to a place where it runs: topics, migrations, and the whole of it on one machine (`local`)."""

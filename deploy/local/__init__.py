"""The whole system on one machine, with a real Kafka and a real PostgreSQL: `python -m deploy.local up`."""

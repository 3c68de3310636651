"""What every process needs: settings, logs, Kafka, PostgreSQL, HTTP errors, time, start and stop. No business word."""

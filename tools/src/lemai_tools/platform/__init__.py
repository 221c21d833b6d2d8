"""The local platform: PostgreSQL, Kafka, services and simulators as child processes."""

"""The embedded stack: a Kafka broker, a schema registry and ClickHouse on one machine, without docker."""

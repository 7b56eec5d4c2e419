"""millrace: a trading platform that is a dataflow on Kafka. Start with `streams.topology`, or `millrace --help`."""

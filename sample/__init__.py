"""Days made up or recorded, sent through the client: for the demo, replay, tests and benchmarks."""

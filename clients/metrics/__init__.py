"""What the count is doing, in numbers for Prometheus and in a word for whoever restarts services."""

"""What is counted for metrics, and how it is told: to Prometheus, and by the minute to the doors."""

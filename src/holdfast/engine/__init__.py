"""What wakes executions and keeps workers honest."""

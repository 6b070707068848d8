"""Prometheus metrics: what this process saw happen, and how everything stands in the database."""

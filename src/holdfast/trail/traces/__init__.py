"""Traces: the journal told as OpenTelemetry spans, one trace an execution."""

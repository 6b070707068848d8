"""The record: journal, store, schema, redaction, audit."""

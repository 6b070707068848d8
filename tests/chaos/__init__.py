"""A fleet on a real PostgreSQL to which everything happens, and what must be true of it afterwards."""

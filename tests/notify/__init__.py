"""Channels against local servers that speak the services' APIs over real sockets."""

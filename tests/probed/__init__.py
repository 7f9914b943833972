"""Probes of one model and the conversation with it, as they are typed."""

"""Measure a model: closed-book questions and biographies (world, popqa), figures (metrics, compare), probes."""

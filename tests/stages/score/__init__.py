"""Tests of `fact score`."""

"""Traceo."""

"""Judges: who look at pictures and never see a prompt."""

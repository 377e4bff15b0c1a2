"""Every method on the same base, list, prompts and seeds: fitted, drawn, judged, in one table."""

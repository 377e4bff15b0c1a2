"""What to forget and what to keep, as lists that people read and machines check: schema, loading, diff, rules, report. No tensors here."""

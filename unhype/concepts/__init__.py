"""What to forget and what to keep, as lists that people read and machines check. No tensors here."""

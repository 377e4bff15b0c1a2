"""Reports: from scores to what a person reads. Files in, text and pictures out."""

"""Adapters: LoRAs that differ from sample to sample, and the way they get into a pipeline."""

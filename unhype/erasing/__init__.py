"""Erasing: the core. A hypernetwork and a switch, how they are fitted and trained, and the guard that carries them into a pipeline."""

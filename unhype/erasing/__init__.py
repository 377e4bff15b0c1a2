"""Erasing, the core: hypernetwork and switch, how they are fitted and trained, and the guard that users hold."""

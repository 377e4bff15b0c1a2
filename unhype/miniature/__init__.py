"""The miniature: a procedural world of known truth, and the recipes that pretrain a small Stable Diffusion on it."""

"""Model families: what differs between Stable Diffusion and others, in one place each."""

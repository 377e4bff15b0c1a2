"""HyperForget (arXiv 2412.00761): diffusion over the weights of small classifiers, asked for by their losses."""

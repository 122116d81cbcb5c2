"""Denoising: the network, the estimation of noise, impulses, noise processes."""

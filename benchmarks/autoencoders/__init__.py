"""The classic autoencoders beside their rivals on MNIST and scikit-learn's digits.

python -m benchmarks.autoencoders --data mnist

Rivals that are not installed are left out (`pip install pyod pythae`).
"""

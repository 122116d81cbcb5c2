"""The codec's synthesis in 8 bits, quantised after training; docs/lab/eight_bits.md tells the rest.

python -m benchmarks.studies.eight_bits codec-balanced --data photos
"""

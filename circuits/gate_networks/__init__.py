"""Logic gate networks: hardened ones as circuits that classify.

Read: `packed_inference` (Boolean rows in, classes out).
"""

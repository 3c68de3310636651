"""The pure machine: no clock, no randomness, no I/O. The same log gives the same commands, byte for byte."""

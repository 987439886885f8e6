"""One executed cell in, journal frames out: source, outcome, time, memory, outputs. Knows no IPython; the hooks hand it plain values."""

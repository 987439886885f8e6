"""The tracking of one process: its session, its runs, what is logged into them; values in, journal frames out."""

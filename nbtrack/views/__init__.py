"""What people see: records in, HTML and terminal text out. Pure: no store, no IPython, no clock; written once for every door."""

"""The only room with SQL and files of its own: journal, ingest, database and bodies; one noun a file, its reads and writes together."""

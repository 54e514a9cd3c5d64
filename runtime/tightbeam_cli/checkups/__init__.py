"""What `tightbeam doctor` finds in a journal: in a file, or in a Postgres database."""

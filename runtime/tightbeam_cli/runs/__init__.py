"""`tightbeam runs`: list, show, retry, cancel and resume runs, in a database file or through a gateway."""

"""The store on a PostgreSQL server: many processes have one journal open at once.

`member` holds what the threads of one open store share; `writing` and `reading` carry out requests, whose SQL
stands in the modules of their verbs and is listed in `answers`.
"""

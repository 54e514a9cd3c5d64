"""The store in SQLite: a journal in one file.

`backend` and `opening` lead to `store`, whose thread has the connection. `answers` says which function
carries out which request: those of `runs`, `steps`, `messages` and `details`, over the tables of `schema`.
`file`, `lock`, `wal` and `presence` look after the file, `epochs` after positions, `retention` after what is
dropped. `journal_file`, `checkup` and `backup` are for commands.
"""

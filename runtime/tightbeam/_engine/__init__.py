"""The embedded engine: executes runs, remembers their steps and carries messages, over a store.

From the outside in:

* `protocol`: what clients, gateways and hooks use of an engine. `engine` is the one that is embedded; while
  its client is entered it has a `session`.
* `scheduler` claims runs that are due, `execution` calls a handler with a `run_context`, `steps` are what the
  handler calls (`steps_async`, `steps_sync`), `step_log` knows which of them were called, `limiter` bounds
  how many runs of a function execute. `results` are the ways in which an execution ends, which `reports`
  stores and logs.
* `feed` gives the messages of one subscription: first those that are stored, then those that come.
* `store`: what the engine asks of a store. `requests` are the verbs, `records` and `details` the values.
  `sqlite` and `memory` are the stores, and `backends` picks one. `trimming` and `doubt` say what a store
  drops.
* `journal`: what commands do with a journal from outside.
"""

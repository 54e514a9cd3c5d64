"""Hand messages to the subscriptions of this process.

`hub` delivers to mailboxes, in one order for all. `mailbox` is the bounded buffer of one subscription.
`message_clock` gives messages their times. `turns` lets readers keep up with a burst, and `drops` logs what
readers that don't have lost.
"""

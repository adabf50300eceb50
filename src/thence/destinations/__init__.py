"""Where the record of a finished invocation goes.

interface.py                       what a kind of destination is; kinds.py: the list of them
function.py mailbox.py webhook.py  one file a kind; http/: the client of those that POST
source.py record.py forms.py       what a record is made of, and what it looks like
post.py senders.py                 one delivery, from the engine to the sender of its kind
"""

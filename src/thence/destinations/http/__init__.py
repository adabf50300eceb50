"""The HTTP client of the kinds that POST.

post.py       one request and what its answer means
addresses.py  where may be connected to, checked again at each connection
connector.py  which connections are kept, within bounds
wire.py       requests as they are written, answers as they are read
sockets.py    what is still unsent when a connection ends
"""

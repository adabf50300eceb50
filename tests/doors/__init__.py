"""What the tests of all doors share: a door in virtual time that is asked without sockets, a service
behind a port, the bytes of requests and answers."""

"""Functions, qualifiers, destinations and asynchronous configuration as users write them. Pure."""

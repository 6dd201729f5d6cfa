"""One notice in the words and the limits of each product: a module each, all pure.

`body(notice, receiver)` gives plain values to be sent as JSON.
"""

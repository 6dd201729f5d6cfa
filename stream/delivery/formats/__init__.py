"""One notice in the words and the limits of each product: a module each.

The two bots that take Markdown without escapes share one more. All pure.

`body(notice, receiver)` gives plain values to be sent as JSON.
"""

"""What is told, to whom and how: the outbox, the request, and the addresses it may go to."""

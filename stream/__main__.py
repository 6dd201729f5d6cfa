"""`python -m stream` is `undertone`."""

from stream.cli import main

main()

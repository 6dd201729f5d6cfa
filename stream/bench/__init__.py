"""`undertone bench`: how fast the parts of a post's way are here, beside what they must be.

Each part is one module with `measure(bench) -> Part`. What is compared is measured in turn,
A B B A, because machines are noisy, and judged by the ratio of medians of one run.
"""

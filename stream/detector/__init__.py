"""Is the mood turning? What is usual, evidence against it, and all of a rule's series in turn.

Pure but for `saved_folds`, which keeps the memory in the database.
"""

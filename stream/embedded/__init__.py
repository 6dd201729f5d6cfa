"""A broker and a database in this machine's own processes, for the demo, tests and small installs.

`broker` runs a Kafka-compatible broker as a child; `clickhouse` serves embedded ClickHouse over
HTTP; `path_lock` keeps a second process away from a directory in use. Nothing here is imported
unless the settings ask for an embedded part (extra `embedded`).
"""

"""Grafana dashboards as code: five boards over the tables of Undertone and its metrics.

`python -m dashboards` writes them to `json/`; a test fails where the two differ. One module is one
board; what they share lies beside them:

    palette     colours, each with one meaning
    clickhouse  the query of the data source plugin
    sql         what every query says alike: rates with their intervals, and what is not known yet
    variables   what can be chosen at the top of a board
    panels      the kinds of panel, each with a title, a unit and a description
    library     panels that stand on several boards
    columns     what the columns of a table look like
    links       the ways from board to board
    macros      what the plugin makes of its macros, for tests, pictures and the benchmark
"""

"""What every study needs, so that the module of a study has its question and no more.

command   the command line, and where reports go
nets      the same for studies of nets of which some need no folder of data sets
learning  models in integers or floats, a run of some epochs, what learning did
jobs      runs a function on many jobs, on all cores, with progress
kept      results of runs in files, so that no run is done twice
tables    means and spreads, Markdown, CSV
plots     learning curves, and results against backward work
"""

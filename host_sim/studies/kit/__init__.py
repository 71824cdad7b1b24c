"""What every study needs, so that a study is a module with its question, and no more:

command   its arguments, and where reports go
learning  models in integers or floats, a run of some epochs, what learning did
jobs      a function of many jobs, on all cores, with progress
kept      results of runs in files, so that none is done again
tables    means and spreads, Markdown, CSV
plots     learning curves, and results against backward work
"""

"""The lab without its pages: data, networks, training, the store of runs and the command line.

Nothing here imports Streamlit, and importing this package imports nothing heavy.
"""

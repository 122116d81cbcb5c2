"""What uses several families at once: everything the command line does, for Python.

Above the families and below the command line: these modules print nothing and parse no options.
"""

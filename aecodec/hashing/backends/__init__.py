"""Where the codes of an index are searched: a module for each kind of database."""

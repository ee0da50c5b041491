"""The street door: parse, call, print, exit code. One module a command; nothing else of the product imports this room."""

"""The reading room: everything that speaks HTTP with Microsoft Graph, and nothing else in the program does.

``sources`` says what an audit reads, ``signin`` who reads, ``wire`` and ``client`` how, ``collect`` does it, ``doctor``
tries it. It only reads: GET, and ``$batch`` of GETs.
"""

"""Hold: what Graph said, on disk (``snapshot``) and in memory (``tables``), and the comparison (``permissions``)."""

"""Judge: what a check is (``check``), running them (``run``), accepted risks (``waivers``), the result (``result``)."""

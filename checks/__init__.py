"""The checks: one module a slug (``META`` and ``examine``), its page beside it. ``auditor.audit.registry`` finds them."""

"""Why was this one call refused? From a token, an error, a call, or any of them; offline, unless a tenant is asked for.

``token`` and ``error`` read what people paste, ``explanation`` puts it together, ``live`` goes on to a tenant.
"""

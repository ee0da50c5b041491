"""Graph Auditor: reads a Microsoft Entra tenant and predicts which apps Microsoft Graph will refuse.

The package is five rooms in the order of the data: ``graph`` reads, ``tenant`` holds, ``reference`` knows
facts, ``audit`` judges (with the ``checks`` package) and ``reports`` tells. ``docs/architecture.md`` draws it.
"""

__version__ = "0.1.0"

"""Facts about Graph and Entra that no tenant says: permission map, well-known apps, licences, clouds, error codes.

Pure data and look-ups; imports nothing of the other rooms.
"""

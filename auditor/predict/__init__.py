"""Foresee: (app, flow, call, user, account, resource; tenant; reference) to a verdict, one module a stage of a real request."""

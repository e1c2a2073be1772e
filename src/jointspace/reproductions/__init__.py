"""One script a published system: its central claim at desk scale, on the public API.

A module gives `REPRODUCTION = Reproduction(...)`; `jointspace reproduce SLUG` finds it by its slug.
"""

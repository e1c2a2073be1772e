"""The sets of the world, a file each: which fields a row has and how the renderers make them."""

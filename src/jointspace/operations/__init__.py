"""Operations: typed functions that take Spaces (or tables) and give a Space (or a table)."""

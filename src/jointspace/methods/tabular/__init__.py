"""Methods on tables: rows of typed columns, logs of clicks."""

jointspace data make world/scenes scenes.parquet --n 200 --seed 1
jointspace data show scenes.parquet

jointspace encode runs/emoji/space emoji --split test --out vectors.parquet
python -c "import pandas; print(pandas.read_parquet('vectors.parquet').head(3))"

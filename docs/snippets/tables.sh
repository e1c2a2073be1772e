jointspace train tables.yaml
jointspace evaluate runs/tables/space customers.csv --task linear_probe --columns "item=table:*,label=left"
jointspace encode runs/tables/space customers.csv --columns "table=*,label=left" --out customers.parquet
jointspace index customers runs/tables/space customers.csv --columns "table=*,left=left"

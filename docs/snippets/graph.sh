jointspace train graph.yaml
jointspace evaluate runs/graph/space airports.csv --task linear_probe --columns item=graph:code,label=kind --output identity
jointspace evaluate runs/graph/space airports.csv --task linear_probe --columns item=graph:code,label=region --output position
jointspace encode runs/graph/space airports.csv --columns graph=code --output identity --out identity.parquet
jointspace index airports runs/graph/space airports.csv --columns graph=code,kind=kind,region=region
jointspace encode runs/graph/space airports_new.csv --columns graph=code --graph flights_later.csv:from,to --out new.parquet

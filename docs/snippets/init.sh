jointspace init pairs.csv --out pairs.yaml
cat pairs.yaml
jointspace train pairs.yaml --dry-run

jointspace train my_method.yaml
jointspace evaluate runs/my_method/space pairs.csv --columns query=question,document=answer

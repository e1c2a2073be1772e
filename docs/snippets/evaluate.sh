jointspace evaluate runs/emoji/space emoji --task retrieval --columns query=text:name,document=image --out scores/emoji
jointspace evaluate runs/emoji/space emoji --task knn k=5 --columns item=image,label=label_name

jointspace train emoji output=runs/short training.steps=30
jointspace evaluate runs/short/space emoji --columns query=text:name,document=image --name short --out scores/short
jointspace evaluate runs/emoji/space emoji --columns query=text:name,document=image --name long --out scores/long
jointspace compare scores/short scores/long --score text_to_image/r@10 --score text_to_image/mrr

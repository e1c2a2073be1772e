jointspace train debug output=runs/start training.steps=30
jointspace train debug output=runs/nouns init_from=runs/start/space data.columns.text=name training.seed=1
jointspace train debug output=runs/keywords init_from=runs/start/space data.columns.text=keywords training.seed=2
jointspace merge runs/nouns/space runs/keywords/space --out merged
jointspace merge runs/nouns/space runs/keywords/space --base runs/start/space --method ties --density 0.5 --out merged_ties
jointspace evaluate merged emoji --split validation --task retrieval --columns query=name,document=image

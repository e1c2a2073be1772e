jointspace train debug output=runs/before method.dim=16 training.steps=20
jointspace train debug output=runs/after training.steps=40
jointspace index moving runs/before/space emoji --split test --full-text name
jointspace reindex moving runs/after/space --limit 100
jointspace reindex moving runs/after/space --cut-over
jointspace search moving --text "red heart" -k 2
jointspace reindex moving --roll-back

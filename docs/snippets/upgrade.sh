jointspace train debug output=runs/old method.dim=16 training.steps=40
jointspace train debug output=runs/new training.steps=80
jointspace index old_store runs/old/space emoji --split test --full-text name
jointspace upgrade runs/old/space runs/new/space --texts emoji --text-column name --split train --steps 60 --out upgraded
jointspace search old_store --space upgraded --text "red heart" -k 3

jointspace train emoji
jointspace index store runs/emoji/space emoji --split test --full-text name
jointspace search store --text "red flag" -k 3

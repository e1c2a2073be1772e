jointspace index store runs/emoji/space emoji --split test --field image --full-text name --overwrite

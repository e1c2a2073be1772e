jointspace data list | head -8
jointspace data show emoji --split test --out emoji.png
jointspace data check pairs.csv --columns text=question,text_positive=answer

jointspace compress clicks.csv --label click --method full --epochs 2 --out full
jointspace compress clicks.csv --label click --budget 0.5 --like full --epochs 2 --out small
jointspace evaluate full later.csv --task clicks --columns "item=table:*,label=click" --out full-scores
jointspace evaluate small later.csv --task clicks --columns "item=table:*,label=click" --out small-scores
jointspace compare full-scores small-scores
jointspace encode small later.csv --columns "table=visitor,good,device" --limit 100 --out rows.parquet
jointspace index rows small later.csv --columns "table=visitor,good,device" --limit 100

jointspace search store --text "red flag" -k 3
jointspace search store --text "face" -k 3 --where "label_name = 'Animals & Nature'"
jointspace search store --text "heart" -k 3 --mode hybrid

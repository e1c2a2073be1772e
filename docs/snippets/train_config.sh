jointspace train debug training.steps=7 --print-config | grep -A 9 "^training"

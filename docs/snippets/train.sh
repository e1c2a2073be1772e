jointspace train debug output=runs/debug training.steps=20
jointspace train debug output=runs/debug --resume
jointspace train debug --dry-run

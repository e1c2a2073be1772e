"""Write clicks.csv and later.csv: a made-up shop where some goods are liked more, and some visitors click more."""

import csv
import random

random.seed(0)
goods = {f"g{i}": random.uniform(-2, 2) for i in range(800)}
visitors = {f"v{i}": random.uniform(-2, 2) for i in range(500)}
for name, rows in (("clicks.csv", 16000), ("later.csv", 4000)):
    with open(name, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["visitor", "good", "device", "click"])
        for _ in range(rows):
            visitor, good = random.choice(list(visitors)), random.choice(list(goods))
            clicked = visitors[visitor] + goods[good] + random.gauss(0, 1) > 1
            table.writerow([visitor, good, random.choice(["phone", "desk"]), int(clicked)])
    print(f"{name}: {rows} rows")

"""Do unlabelled rows help? Two factors behind twelve columns, few labels: two-phase against ridge on the columns."""

import csv

import numpy as np

import jointspace as js

rng = np.random.default_rng(0)
z = rng.normal(size=(2000, 2))
x = z @ rng.normal(size=(2, 12)) + rng.normal(size=(2000, 12))
y = z[:, 0] + 0.3 * rng.normal(size=2000)
with open("table.csv", "w", newline="") as file:
    table = csv.writer(file)
    table.writerow([*(f"c{i}" for i in range(12)), "y"])
    table.writerows(np.column_stack([x, y]).round(4).tolist())

data = js.load_data("table.csv", {"table": [f"c{i}" for i in range(12)], "y": "y"})
method = js.methods.Factors(js.methods.Factors.Config(factors=2, scale_columns=False))
space = js.fit(method, data, js.TrainingConfig(), progress=False).space  # the labels are not looked at
vectors = space.encode(data.column("table"), modality="table")
raw, y = np.array([list(row.values()) for row in data.column("table")]), data.array("y")

curves = js.theory.rates(js.theory.SpaceExperiment(vectors, raw, y), ms=[2000], ns=[10, 40, 160], seeds=range(5))
for row in curves.table():
    print(f"{row['arm']:10} {row['n']:4} labels: error {row['mean']:.3f} of the variance")

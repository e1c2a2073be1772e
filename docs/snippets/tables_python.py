import pandas
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jointspace as js
from jointspace.evaluation.column_relevance import column_relevance
from jointspace.space.scikit_learn import SpaceTransformer

customers = pandas.read_csv("customers.csv")
rows, left = customers.drop(columns="left"), customers["left"]

# the Space as the first step of a pipeline, against gradient boosting on the raw columns
on_vectors = make_pipeline(SpaceTransformer("runs/tables/space"), StandardScaler(), LogisticRegression(C=0.01))
categories = rows.astype({"plan": "category", "region": "category"})
boosting = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
print(f"linear on vectors {cross_val_score(on_vectors, rows, left).mean():.2f}")
print(f"boosting on rows  {cross_val_score(boosting, categories, left).mean():.2f}")

# which columns decide where a customer lies, and the customers most like the first
space = js.Space.from_pretrained("runs/tables/space")
relevance = column_relevance(space, rows.to_dict(orient="records"))
print("columns", ", ".join(f"{name} {share:.2f}" for name, share in sorted(relevance.items(), key=lambda r: -r[1])))
# (scores are minus distances)
hits = js.Index.open("customers").search(vector=space.encode(rows.iloc[0].to_dict()), k=3)
print("like the first:", ", ".join(f"{hit.payload['left']} ({hit.score:.2f})" for hit in hits))

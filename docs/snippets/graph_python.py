import jointspace as js

space = js.Space.from_pretrained("runs/graph/space")
later = js.load_graph("flights_later.csv", source="from", target="to")

# who plays the same part as the airport that opened later, and who is near it
old = [str(name) for name in js.load_data("airports.csv", {"code": "code"}).column("code")]
for output in ("identity", "position"):
    vectors = space.encode(old, graph=later, output=output)
    new = space.encode("NF90", graph=later, output=output)
    best = (vectors @ new).argsort()[::-1][:5]
    print(f"{output:9}", ", ".join(old[i] for i in best))

# a store of the old graph asked with a node of the new one
index = js.Index.open("airports")
hits = index.search(vector=space.encode("NF90", graph=later), k=3)
print("store    ", ", ".join(f"{hit.payload['kind']} {hit.payload['region']}" for hit in hits))

# an unrelated graph: identities compare between graphs
metro = js.Graph.from_edges(["A", "A", "A", "A", "B"], ["B", "C", "D", "E", "F"], name="metro")
print("metro    ", space.encode(["A", "C"], graph=metro, output="identity").shape)

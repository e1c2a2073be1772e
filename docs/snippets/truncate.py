import time

import jointspace as js

data = js.load_data("pairs.csv", columns={"text": "question", "text_positive": "answer"})
tower = {"name": "transformer", "layers": 6, "width": 64, "heads": 4}
method = js.methods.Matryoshka2D(js.methods.Matryoshka2D.Config(text=tower, pooling="mean", dims=(16, 32)))
space = js.fit(method, data, js.TrainingConfig(steps=30, batch_size=8, learning_rate=1e-3), progress=False).space.eval()
print("trained for", space.metadata["trained_grid"])

texts = data.column("text") * 20
for layers, dim in ((6, 64), (3, 32), (1, 16)):
    small = space.truncate(layers=layers, dim=dim)
    folder = small.save_pretrained(f"runs/cut-{layers}-{dim}")
    size = sum(file.stat().st_size for file in folder.rglob("*.safetensors")) / 1e6
    begin = time.perf_counter()
    vectors = small.encode(texts)
    print(f"{layers} layers, {vectors.shape[1]} dimensions: {size:.2f} MB, {time.perf_counter() - begin:.1f} s")

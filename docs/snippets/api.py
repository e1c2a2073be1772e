import jointspace as js

train = js.load_data("emoji", columns={"image": "image", "text": ["name", "keywords"]}, split="train")
test = js.load_data("emoji", columns={"image": "image", "text": "name"}, split="test")
config = js.methods.ALIGN.Config(
    dim=64, image={"name": "cnn", "widths": [16, 32, 64]}, text={"name": "ngrams", "width": 64}, text_pooling="mean"
)
training = js.TrainingConfig(steps=100, batch_size=64, learning_rate=0.005, seed=0)
space = js.fit(js.methods.ALIGN(config), train, training).space

vectors = space.encode(["red flag", "rote Flagge"])  # float32 array (2, 64), rows of unit length
scores = js.evaluate(space, test, task="retrieval", columns={"query": "text", "document": "image"})
print(vectors.shape, scores["text_to_image/r@10"].value, scores["text_to_image/r@10"].interval)

index = js.Index.create("pictures", space, test.column("image"), {"name": test.column("text")}, modality="image")
print([hit.payload["name"] for hit in index.search("red flag", k=3)])
space.save_pretrained("my-space")  # and back: js.Space.from_pretrained("my-space")

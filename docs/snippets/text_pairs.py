import jointspace as js
from jointspace.data.mining import label_triplets
from jointspace.methods.text.gist_embed import dropped_pairs, with_guide

# texts with a class: a positive of the same class, a hard negative of another one
topics = {
    "lost card": ["I lost my card", "my card is gone", "someone took my card", "cannot find my card"],
    "new pin": ["change my pin", "I need a new pin", "set another pin for the card", "pin change please"],
    "top up": ["add money to my account", "top up the card", "how do I put money in", "load money on the card"],
}
rows = js.load_data({"text": sum(topics.values(), []), "topic": [name for name in topics for _ in range(4)]})
triplets = label_triplets(rows, label="topic")
print(triplets)

# any Space as a guide; each text is encoded by it once
guide = js.Space.from_pretrained("runs/emoji/space")
data = with_guide(triplets, guide)

small = {"name": "ngrams", "width": 32, "buckets": 2048}
method = js.methods.GISTEmbed(js.methods.GISTEmbed.Config(text=small, temperature=0.05))
result = js.fit(method, data, js.TrainingConfig(steps=30, batch_size=6, learning_rate=1e-2, logging_steps=30))
log = result.history[-1]
print({name: round(value, 2) for name, value in log.items() if name.startswith("dropped")})

for pair in dropped_pairs(data, result.space, top=3):  # what the guide takes out, to be read by a person
    print(f"{pair['guide']:.2f} > {pair['threshold']:.2f}  {pair['anchor']!r} and {pair['candidate']!r}")

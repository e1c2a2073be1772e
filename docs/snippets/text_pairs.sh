# your pairs, your guide: a frozen Space says which rows of a batch are no true negatives
jointspace train gist_embed data.path=pairs.csv data.split=null data.filters=null \
  "data.columns={text: question, text_positive: answer}" \
  data.features.guide_text.space=runs/emoji/space data.features.guide_text_positive.space=runs/emoji/space \
  "method.text={name: transformer, layers: 1, width: 64}" \
  training.steps=20 training.batch_size=8 training.learning_rate=1e-3 output=runs/answers

"""Methods whose tokenizer is learnt from the training rows, and LoRA: what checkpoints and Spaces hold of them."""

import pytest
import torch
from safetensors.torch import load_file
from toys import pairs

import jointspace as js
from jointspace.methods.text.sentence_pairs import Config, SentencePairs
from jointspace.nn.lora import adapters
from jointspace.space import Space
from jointspace.training import check_method
from jointspace.training.checkpoints import list_checkpoints

ENCODER = dict(name="transformer", layers=2, width=32, heads=2, vocab_size=300, max_length=16, dropout=0.1)


def build(seed=0, **more):
    torch.manual_seed(seed)
    return SentencePairs(Config(text={**ENCODER, **more}))


def settings(**more):
    return js.TrainingConfig(**{**dict(steps=8, batch_size=8, learning_rate=3e-3, save_steps=3), **more})


class Crash(Exception):
    pass


class CrashAt(js.training.Callback):
    def on_step(self, run, terms):
        if run.step == 7:
            raise Crash


@pytest.mark.parametrize("trainable", ["full", "lora"])
def test_resumed_with_its_tokenizer(tmp_path, trainable):
    config = settings(trainable=trainable)
    whole = js.fit(build(), pairs(), config, output=tmp_path / "whole", progress=False)
    with pytest.raises(Crash):
        js.fit(build(), pairs(), config, output=tmp_path / "run", callbacks=[CrashAt()], progress=False)
    assert (list_checkpoints(tmp_path / "run")[-1] / "processors" / "text_encoder").is_dir()
    resumed = js.fit(build(seed=1), pairs(), config, output=tmp_path / "run", resume=True, progress=False)
    assert resumed.space.fingerprint() == whole.space.fingerprint()
    again = js.fit(build(seed=2), pairs(), config, output=tmp_path / "run", resume=True, progress=False)
    assert again.method.space().fingerprint() == whole.space.fingerprint()


def test_init_from_brings_the_tokenizer_along(tmp_path):
    first = js.fit(build(), pairs(), settings(), output=tmp_path / "first", progress=False)
    other = js.load_data([{"text": f"ab {i} zz", "text_positive": f"yy {i} cd"} for i in range(20)])
    for source in (first.space, tmp_path / "first", tmp_path / "first" / "space"):
        second = js.fit(build(seed=3), other, settings(steps=1, learning_rate=0.0), init_from=source, progress=False)
        assert second.space.fingerprint() == first.space.fingerprint()


def test_lora_learns_adapters_alone_and_saves_a_delta(tmp_path):
    base = js.fit(
        build(dropout=0.0), pairs(), settings(steps=1, learning_rate=0.0), output=tmp_path / "base", progress=False
    )
    before = {n: t.clone() for n, t in base.method.state_dict().items()}
    method = build(seed=5, dropout=0.0)
    config = settings(trainable="lora", lora={"rank": 2}, steps=10, logging_steps=1, learning_rate=1e-2)
    result = js.fit(method, pairs(), config, output=tmp_path / "run", init_from=tmp_path / "base", progress=False)
    assert result.losses[-1] < result.losses[0] and not adapters(method)
    delta = load_file(tmp_path / "run" / "lora.safetensors")
    assert delta and all(name.endswith(("lora_a", "lora_b")) for name in delta)
    changed = {n for n, t in method.state_dict().items() if not torch.equal(t, before[n])}
    assert changed == {name.rpartition(".")[0] + ".weight" for name in delta}
    opened = Space.from_pretrained(tmp_path / "run" / "space", device="cpu")
    assert opened.fingerprint() == result.space.fingerprint() != base.space.fingerprint()


def test_the_battery_on_a_real_method():
    assert "trained and resumed" in check_method(build, pairs())

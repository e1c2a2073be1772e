"""Audio encoders: battery, masks by hand, Hugging Face families."""

import pytest
import torch

from jointspace.encoders import EncoderConfig
from jointspace.errors import ConfigError
from jointspace.testing import check_encoder

SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
WAVES = dict(
    SMALL, conv_dim=[16] * 3, conv_kernel=[10, 8, 4], conv_stride=[5, 4, 4], num_feat_extract_layers=3,
    num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
)  # fmt: skip
WHISPER = dict(
    model_type="whisper", d_model=32, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=64,
    decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=32, vocab_size=99, max_source_positions=60,
    pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
)  # fmt: skip
AST = dict(SMALL, model_type="audio-spectrogram-transformer", max_length=96, num_mel_bins=32)
CASES = {
    "transformer": dict(name="audio-transformer", layers=2, width=32),
    "transformer-patch": dict(name="audio-transformer", layers=1, width=32, patch=7, mels=20, seconds=0.5),
    "cnn": dict(name="audio-cnn", widths=[8, 16]),
    "wav2vec2-layer": dict(name="hf", config=dict(WAVES, model_type="wav2vec2", feat_extract_norm="layer")),
    "wav2vec2-group": dict(name="hf", config=dict(WAVES, model_type="wav2vec2", feat_extract_norm="group")),
    "hubert": dict(name="hf", config=dict(WAVES, model_type="hubert", feat_extract_norm="layer")),
    "wavlm": dict(name="hf", config=dict(WAVES, model_type="wavlm", feat_extract_norm="layer")),
    "ast": dict(name="hf", config=AST),
    "whisper": dict(name="hf", config=WHISPER),
}


def build(case, **more):
    torch.manual_seed(0)
    return EncoderConfig(**{**CASES[case], **more}).build("audio")


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize("case", CASES)
def test_battery(case):
    ran = check_encoder(lambda: build(case), tolerance=2e-5)
    assert len(ran) == 7 and ran[2].startswith("padding")


def test_a_token_of_the_transformer_is_real_where_one_of_its_frames_is():
    encoder = build("transformer").eval()
    mask = torch.arange(10) < torch.tensor([[10], [5], [4]])
    said = encoder(torch.randn(3, 10, 64), mask)
    assert said.mask.tolist() == [[True] * 3, [True, True, False], [True, False, False]]
    assert torch.allclose(said.pooled[1], said.tokens[1, :2].mean(dim=0), atol=1e-6)


def test_the_cnn_halves_time_at_each_step():
    said = build("cnn").eval()(torch.randn(2, 21, 64), torch.arange(21) < torch.tensor([[21], [9]]), layers=True)
    assert said.tokens.shape == (2, 6, 16) and said.mask.sum(dim=1).tolist() == [6, 3]
    assert said.layer_grids == [(11, 32), (6, 16)]


@pytest.mark.parametrize("case", ["wav2vec2-layer", "wav2vec2-group", "hubert"])
def test_waves_equal_the_model_itself(case):
    encoder = build(case).eval()
    x = torch.randn(1, 1000)
    with torch.no_grad():
        said, want = encoder(x, layers=True), encoder.model(x).last_hidden_state
    assert torch.equal(said.tokens, want) and said.mask.all() and len(said.layers) == 3
    assert said.tokens.shape[1] == encoder.model._get_feat_extract_output_lengths(1000)


def test_one_token_is_what_the_shortest_clip_gives():
    encoder = build("wav2vec2-layer").eval()
    batch = encoder.processor([torch.randn(3).numpy()])
    assert encoder(batch[""], batch["mask"]).tokens.shape[1] == 1


def test_ast_and_whisper_equal_the_models_on_features_of_transformers():
    from transformers import ASTFeatureExtractor, WhisperFeatureExtractor

    wave = (torch.randn(12345, generator=torch.Generator().manual_seed(0)) * 0.1).numpy()
    ast = build("ast").eval()
    features = ASTFeatureExtractor(num_mel_bins=32, max_length=96)(wave, sampling_rate=16000, return_tensors="pt")
    batch = ast.processor([wave])
    with torch.no_grad():
        said, want = ast(batch[""], batch["mask"]), ast.model(features.input_values)
    assert torch.allclose(said.tokens, want.last_hidden_state[:, 2:], atol=1e-3) and said.grid == (2, 9)
    assert torch.allclose(said.pooled, want.pooler_output, atol=1e-3)

    whisper = build("whisper").eval()
    assert whisper.processor.config()["seconds"] == 1.2
    theirs = WhisperFeatureExtractor(chunk_length=1)
    theirs.n_samples = 19200
    features = theirs(wave, sampling_rate=16000, return_tensors="pt")
    batch = whisper.processor([wave])
    with torch.no_grad():
        said, want = whisper(batch[""], batch["mask"]), whisper.model(features.input_features)
    assert torch.allclose(said.tokens, want.last_hidden_state, atol=1e-3)
    assert said.mask.sum() == 40  # 12,345 samples and half a window: 79 frames of 120


@pytest.mark.parametrize("case", ["wav2vec2-layer", "ast", "whisper"])
def test_a_folder_gives_weights_and_processor(case, tmp_path):
    from transformers import AutoConfig, AutoModel, Wav2Vec2FeatureExtractor

    torch.manual_seed(0)
    fields = dict(CASES[case]["config"])
    model = AutoModel.from_config(AutoConfig.for_model(fields.pop("model_type"), **fields)).eval()
    model.save_pretrained(tmp_path)
    if case == "wav2vec2-layer":
        Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(tmp_path)
    encoder = EncoderConfig(name="hf", path=str(tmp_path)).build("audio").eval()
    if case == "wav2vec2-layer":
        assert encoder.processor.normalize is False
    own = encoder.model.state_dict()
    theirs = (model.encoder if case == "whisper" else model).state_dict()
    assert own.keys() == theirs.keys() and all(torch.equal(own[name], theirs[name]) for name in own)


def test_nothing_random_but_torchs_own_in_training():
    """Masks and skipped layers come from NumPy or change which parameters learn: they are off."""
    config = build("wav2vec2-layer").model.config
    assert config.apply_spec_augment is False and config.layerdrop == 0.0


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(name="hf"), "one of them"),
        (dict(name="hf", config=dict(model_type="clvp")), "not supported"),
        (dict(name="hf", path="/nowhere/at/all"), "cannot load"),
        (dict(name="audio-transformer", processor=dict(mels=20)), "64 bands"),
        (dict(name="audio-cnn", processor=dict(featurs="wave")), "did you mean features"),
        (dict(name="audio-cnn", widths=[]), "widths"),
    ],
)
def test_bad_options_are_named(config, message):
    with pytest.raises(ConfigError, match=message):
        EncoderConfig(**config).build("audio")

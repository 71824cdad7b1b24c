# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests`, that is by numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "6b1d31be18563f27a4b1635b7e688c9d6bb7b9b5a8e0474103633338290e1833",
    ("mlp", "TopK"): "98c5c87cc788237b2d816a80650fddac7663029986dd547b55a4c9c9285c886c",
    ("mlp", "TinyProp"): "e0b9bbab1ae9ac74e674f8673db12491eb96e92491ba5cb171d52c0b3fdee979",
    ("mlp", "TinyPropV2"): "3e174dd57e13a8d29a0ed0bc5fc55ac0bb77594dad7ad5b2c7aed6365fefbe03",
    ("mlp", "Diffused"): "3c2a3d5cb41e5910f522dab4ff9bc04e1d10df6dc987fc2da00877649e3fb541",
    ("cnn", "Full"): "c7fc12f61cb27eefd49af0422f485467c54bceb00cc52a61716cae21e2b667c0",
    ("cnn", "TopK"): "c0eb964bcc031ec12058ef2f93bc7ff016d08bf2664a0909479de7c7b19af13e",
    ("cnn", "TinyProp"): "802e416a5fa2c22d7aabc68ee4657f28e33dcf0694dffc10ddf220b40f85e3ff",
    ("cnn", "TinyPropV2"): "748bee5c39fb3904a19b8c8edb694bd04bbc1a8f416e646728accbfc1e42f4cf",
    ("cnn", "Diffused"): "60acb81320922753a3654e45285f13cff93d1eff11cd1d2c25a7d4f588477bf8",
    ("series", "Full"): "7242f76ec27199d43af1f0473d551d26bc952a98d492806fc6c497f32e6fe0b2",
    ("series", "TopK"): "5c50a049cda79182253a4af7f1d07a9a16a6bc217f775b989675187738962f8f",
    ("series", "TinyProp"): "042fa8af3fe38b63173cfec6ab51a8055f8d193de937a6f09ece57018e882055",
    ("series", "TinyPropV2"): "e7583f4543d3577f92a90d7042b3464d7b560d2537653c25d0252585f13cdfe6",
    ("series", "Diffused"): "6dba418777875d809bcdf7b23a339ae703f7e187367866c0a557d9a50dd46939",
    ("autoencoder", "Full"): "fd6e315df177bd44e9f398eb61640259873fc1936844b1e7c6e08662e0ae89ea",
    ("autoencoder", "TopK"): "49165950a56ac347cf9adccb6fa3f3c268a02206ffc9ab0671f447a9815d069a",
    ("autoencoder", "TinyProp"): "421d2156aac42bb48b8bc3a05174b26890d4a03b81771dc4b62bc2d38bac8fd4",
    ("autoencoder", "TinyPropV2"): "b1a57da13598f667a1d3b410269d2b201977c91db3b8b95830da0f7d7f8790b9",
    ("autoencoder", "Diffused"): "507abb17dc2b4005d3315d1b75d61d25ab167c3f00a522dd6c62a8d389a04ac3",
}

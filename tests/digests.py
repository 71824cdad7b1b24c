# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests`, that is by numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "378e6b43f88f9a0f1674dc8a65485ff00d3abd85e2200842c61eb17d8c4ebf3f",
    ("mlp", "TopK"): "f7b59db8bf9f7a5f906cb5ec8d5843bdc4fbf6dc44d84fcd0fd93f8d2a1f0c56",
    ("mlp", "TinyProp"): "16159404c9bad95dd21a806318b7e22e856a1b50823d4ae5879def036af4487f",
    ("mlp", "TinyPropV2"): "918d090ca8994b95842ecb8f0171cbcad534bbf7150aa3132dd5883d15b9ebdd",
    ("mlp", "Diffused"): "129c9820e9aa033f3183b006edd590954dd0e7553ca8d58e6367558c6bc57073",
    ("cnn", "Full"): "e7300135dc99017e734e740ba8a23d71fdefde434fbed695c640db16b1defc07",
    ("cnn", "TopK"): "4356cff485efc224f4c3e3e97408cd912aeb112ed67396ba693ac56ff5bfd1f8",
    ("cnn", "TinyProp"): "db6d10109e89ffa4e46a5233c2ff05894b5d9f9c5c1d497a417e143dd8e28cd8",
    ("cnn", "TinyPropV2"): "ce6c46fd374dc21551577da6226595c540a66aa8de278767b55640031b8b6f70",
    ("cnn", "Diffused"): "e301d61cd9ecf9a65a633b5ddbe31a8df91b78fff3fedc1169838c630ba81b5f",
    ("series", "Full"): "c100d2401c1260601e689f657667580438532fa1269af566d278c0b9940a289c",
    ("series", "TopK"): "12a2731109dc3ba27b1a6cc4d56ac3eebcc8457043a1fd61fd9c33a8e0074b40",
    ("series", "TinyProp"): "f950a62603c931fabafa789c70a08877ea61e2e9a006f7333d605e776d161919",
    ("series", "TinyPropV2"): "e012ef8c2aa5303153f38a9dd2589239af5a5ad719e83898b872a0c87968de33",
    ("series", "Diffused"): "38bfcb5f87f42db9140fba0351beccb144e98051c8f87897e7dab4c8dafb75fc",
    ("autoencoder", "Full"): "36da331d881aeaa474e0b9fca89b347a8d3210b1a6eef1a443273958f1577364",
    ("autoencoder", "TopK"): "b72867bc99802ff61f7466db5666ed94d415ede9bf23748bec68512ff00b913e",
    ("autoencoder", "TinyProp"): "4d0941c734047a5caad057f989542ecd9a924801fe2a4217315cec0fd4f1afc2",
    ("autoencoder", "TinyPropV2"): "c60e1184091c9a6dcd8098abce007ff7c1a48edd4dcbdb3058dbc314ed7c25a5",
    ("autoencoder", "Diffused"): "17ec6f538d0dfa4d6ade16cc88402dc397ff8430db90f8ed9683546a1ec2efb3",
}

# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests`, that is by numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "961dded50fd9285387d532785e45158de4e4cce909240803cee44b14e0e6498a",
    ("mlp", "TopK"): "f4853c45f6ba11d730f8534bf654cf1f58d9ccb9a54d343cd0f00fdd061a7ba2",
    ("mlp", "TinyProp"): "a2f3915b70e300eb488f31e9d48f31fb4f9ea27160889a82534beb1a8307f4bd",
    ("mlp", "TinyPropV2"): "b23d8ee562fa6846538a54ea7418235157c2a3d6205e989cb67272f356045fe3",
    ("mlp", "Diffused"): "0a17569bbf2d22b03e13cea7eb0f50b30b7e4bfe4405b47655322239d81b867d",
    ("cnn", "Full"): "e256e80f7870a21b9198df2dfc23af62c59b40bc3d9db713655e228e312af83a",
    ("cnn", "TopK"): "56d4a0f1b4b1043b172bcbc049faf1809c475b1e90c81ed6ff3e3491e900be5b",
    ("cnn", "TinyProp"): "94cbe05f03572d15653c1bf2561b34e9a30d26e668a1fbfe456b4ab8556ca108",
    ("cnn", "TinyPropV2"): "ff9da6dd61220fbde578fe5fd86ae4cce57b14ebf5658c0f1c091f3403a5fba9",
    ("cnn", "Diffused"): "c6cfad61d35c5b9163a96bfc1671df25ec5ce29d080c081e85ada267d01d3039",
    ("series", "Full"): "b0bb1ea8f2808cd0c9cf61016a291078739b13aa5eb1dcb688b3f96392b34f86",
    ("series", "TopK"): "a8b733b4f5707d8ca1eed9034e8a5563ea4e8e6eb186ac101aa5c503a870efb3",
    ("series", "TinyProp"): "807af66ecfa7b756a90aaa2df552044c8993b08ca8f2855d9699d2e6d9888dfe",
    ("series", "TinyPropV2"): "f4499bac62d1e0a6643bbcce051ca6ea314cc9e043410a28c86e75c1e9264016",
    ("series", "Diffused"): "ecc645ad7805f3056ce5d1e11724f4d43bdb51e185a8ed8fb5e54ba90884419a",
    ("autoencoder", "Full"): "f6f21374e67cac0cd5ff831589fe1136997c08a4396d7cffc8be60b6844d9c7f",
    ("autoencoder", "TopK"): "38d76f3a22182e1fb296db7300aecd392f6ee5db088581e4ae7a53723ad1b1a5",
    ("autoencoder", "TinyProp"): "f028883b11418852408d9919165e61866194b321aeab6e433bbf88fc10e96ece",
    ("autoencoder", "TinyPropV2"): "d60481a2a1def3ca96af67a9c5579b42a8a754f5370f62595b4d810061fd223d",
    ("autoencoder", "Diffused"): "c8462b6e28b7b473b086817ee01397a411f55296930b7c10f8567e0f8f3e27fc",
}

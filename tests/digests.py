# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests`, by numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "daca775bba2afd777dc96aa852fe30e1a8c6b07930fabbf1990402132552a08c",
    ("mlp", "TopK"): "37a55ce0ccfb51b3664d396c7348f726ff8d6c3ba0420edaae4e2781f8215f4c",
    ("mlp", "TinyProp"): "f86c12216efbd65160647915b162870f1ea0beaa7d1e72bec1e2cef713f8c484",
    ("mlp", "TinyPropV2"): "e650161882019a9b0daa3924e79879c8c6e0a0fe37b45d6ec50ced6d22b9ce0d",
    ("mlp", "Diffused"): "5b446bbc66a8199db46737f447b8514df8f7f9028e7ba3381336e80a18ef2d22",
    ("cnn", "Full"): "b99fca95abf367783d4614987a1b4caa894908ea0e0f072aa4560ecdf33074f5",
    ("cnn", "TopK"): "af3f07f1daf44cd93742cc99ec4a8b86811f6fe7bfc4dbc7f18232682090d61c",
    ("cnn", "TinyProp"): "8e2493aa7e249620597b6e2e49ad4d52147abddfce09aaecfee04ccc5e1f0d17",
    ("cnn", "TinyPropV2"): "133bc6ab3c66894d05811e71eea0b3c7cbb143cd4e9d38272fb2a9de985ebec7",
    ("cnn", "Diffused"): "88e7a28b85f21d50d4be8c8b3238a94b19234cc039c802b93680a36eb31990de",
    ("series", "Full"): "cf591069e96076c9375196cd97c8aea989c95ebbbd4a5be3e94798263cc322e3",
    ("series", "TopK"): "c537f8f472c897b38c9ae2ff7968a6ef07812b3e5b37fa5d9d19b766d4a9047f",
    ("series", "TinyProp"): "46e585161043f3632c6b44a9c88ebff8514f95a7047a9f6a2fc6de3e080937a2",
    ("series", "TinyPropV2"): "dddd3cddfd15a76cbeb38af4aa7acdac86135e71cb28bb40b2720b5eec2995c0",
    ("series", "Diffused"): "3b6572e972593a57540ef60888e3a1ad779d973ec6f5b47163ee55626d9b8e60",
    ("autoencoder", "Full"): "9e03e916cb76434ac42a3a9fef41f562bc6e9582f49bcc023274ac86d39615c5",
    ("autoencoder", "TopK"): "097884caa9b1350a48b09ea5753a304c0346c5bf6ec1e4f32302253680392833",
    ("autoencoder", "TinyProp"): "b8c51ec4e5b5826f1053dbffb8c83a20cb1f2ea9aca807b7e0933c36ab57abf6",
    ("autoencoder", "TinyPropV2"): "4e5a4ae409f7ccd16acaa09fd2494240d26189ce8b5cd4b82f2e47c15ef015ca",
    ("autoencoder", "Diffused"): "ccd7df21f1da17b68ead873887a18b4fd87b34bd5428619cff5cb2920321750a",
}
# The same of the small models of test_shapes.py.
SHAPES = {
    "dense, no zeros": "8e9d3a033e564f1a15e67fa9713de105d9aaa3d7cb18b29a4153e7ed58f14bb5",
    "dense, half zeros": "8548447d1f3cec11c31f69fc5a231007025a119c3d52d1e0cb2475749775917d",
    "dense, most zeros": "9f852e915fcedcfcc0253d04bb7b4a7bfc22d52463f2deea993e3353b7d4676e",
    "convolutions": "f152031f2a19a52ce81d04ece822b9ee12d714f5b0483d12de501bbf1b341bbf",
    "convolutions, half zeros": "71407d0f6a00cae482832ebba33aefa0470fea297f2f50d21870e6bf755e36f4",
    "long rows": "70319fb2d45825abb56c0191f2e86c1a3c6c9f28777b170b55840d749d311e43",
}

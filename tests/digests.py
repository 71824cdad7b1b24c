# SHA-256 of what each model of test_digest.py saves after 1,000 steps. Written by
# `python -m host_sim digests`, by numpy; every other backend and board must agree.
AFTER_1000 = {
    ("mlp", "Full"): "daca775bba2afd777dc96aa852fe30e1a8c6b07930fabbf1990402132552a08c",
    ("mlp", "TopK"): "37a55ce0ccfb51b3664d396c7348f726ff8d6c3ba0420edaae4e2781f8215f4c",
    ("mlp", "TinyProp"): "f86c12216efbd65160647915b162870f1ea0beaa7d1e72bec1e2cef713f8c484",
    ("mlp", "TinyPropV2"): "e650161882019a9b0daa3924e79879c8c6e0a0fe37b45d6ec50ced6d22b9ce0d",
    ("mlp", "Diffused"): "beb4175fed9016b5700778903f10486e21897db77d9bb21c2276b1a771bb4f65",
    ("cnn", "Full"): "b99fca95abf367783d4614987a1b4caa894908ea0e0f072aa4560ecdf33074f5",
    ("cnn", "TopK"): "af3f07f1daf44cd93742cc99ec4a8b86811f6fe7bfc4dbc7f18232682090d61c",
    ("cnn", "TinyProp"): "8e2493aa7e249620597b6e2e49ad4d52147abddfce09aaecfee04ccc5e1f0d17",
    ("cnn", "TinyPropV2"): "133bc6ab3c66894d05811e71eea0b3c7cbb143cd4e9d38272fb2a9de985ebec7",
    ("cnn", "Diffused"): "b46385fa847a19ba75c47be2d925f4dd3ea57205bcf8d2cd6d2506a85ae375d7",
    ("series", "Full"): "cf591069e96076c9375196cd97c8aea989c95ebbbd4a5be3e94798263cc322e3",
    ("series", "TopK"): "c537f8f472c897b38c9ae2ff7968a6ef07812b3e5b37fa5d9d19b766d4a9047f",
    ("series", "TinyProp"): "46e585161043f3632c6b44a9c88ebff8514f95a7047a9f6a2fc6de3e080937a2",
    ("series", "TinyPropV2"): "dddd3cddfd15a76cbeb38af4aa7acdac86135e71cb28bb40b2720b5eec2995c0",
    ("series", "Diffused"): "231de2cb1bd0573c26f03dc23345005c389a469fc48465f45c168a4c25773bde",
    ("autoencoder", "Full"): "9e03e916cb76434ac42a3a9fef41f562bc6e9582f49bcc023274ac86d39615c5",
    ("autoencoder", "TopK"): "2019fe69d9069eb46e9a3b938880820b045fecb09a214affaa83b687e0dc67ed",
    ("autoencoder", "TinyProp"): "cb1828ce3334ed02db738fb4e5f6d0a2a08e42c3e013a8bb9d758b2db37fb45e",
    ("autoencoder", "TinyPropV2"): "235644691b7a9f33f028aaa14f64fe7117f8183b904f732924bc17612e908d35",
    ("autoencoder", "Diffused"): "7398f5141b9c2658a839f4bcb4bda97c29e8f30830042851936309868d98a098",
}
# The same of the small models of test_shapes.py.
SHAPES = {
    "long rows": "70319fb2d45825abb56c0191f2e86c1a3c6c9f28777b170b55840d749d311e43",
    "long rows above a relu": "a34626262a7d42211d0e8fff7a9753232d7a6f373af70ce711b27e07d3d5aff3",
    "dense, no zeros": "8e9d3a033e564f1a15e67fa9713de105d9aaa3d7cb18b29a4153e7ed58f14bb5",
    "dense, half zeros": "8548447d1f3cec11c31f69fc5a231007025a119c3d52d1e0cb2475749775917d",
    "dense, most zeros": "9f852e915fcedcfcc0253d04bb7b4a7bfc22d52463f2deea993e3353b7d4676e",
    "convolutions": "f152031f2a19a52ce81d04ece822b9ee12d714f5b0483d12de501bbf1b341bbf",
    "convolutions, half zeros": "71407d0f6a00cae482832ebba33aefa0470fea297f2f50d21870e6bf755e36f4",
}

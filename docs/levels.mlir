func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
    attributes {tile.schedule = #tile.schedule<rows = 4, keys = 32, block = 2, lanes = 4, pairs = false, splits = 1>} {
  %o = attn.attend %q, %kv pattern<causal> : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

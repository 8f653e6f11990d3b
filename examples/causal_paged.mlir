// Causal attention. Keys and values in pages of 16.
func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<paged<16>, key = 64, value = 64, f32>)
    -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xf32>, !attn.kv<paged<16>, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

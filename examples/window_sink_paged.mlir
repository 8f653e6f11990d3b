// A causal sliding window of 256 keys that always keeps the first 4. Keys and values in pages of 16.
func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<paged<16>, key = 64, value = 64, f32>)
    -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv pattern<causal and (window<256> or sink<4>)>
     : (tensor<?x?x?x64xf32>, !attn.kv<paged<16>, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

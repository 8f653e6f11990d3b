// Causal attention with ALiBi, one slope per head, over bf16 keys and values in pages of 16.
func.func @attention(%q: tensor<?x?x?x64xbf16>, %kv: !attn.kv<paged<16>, key = 64, value = 64, bf16>, %slopes: tensor<?xf32>)
    -> tensor<?x?x?x64xbf16> {
  %o = attn.attend %q, %kv pattern<causal>
      score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
        %slope = tensor.extract %slopes[%h] : tensor<?xf32>
        %gap = arith.subi %j, %i : index
        %steps = arith.index_cast %gap : index to i32
        %distance = arith.sitofp %steps : i32 to f32
        %bias = arith.mulf %slope, %distance : f32
        %biased = arith.addf %s, %bias : f32
        attn.yield %biased : f32
      }
     : (tensor<?x?x?x64xbf16>, !attn.kv<paged<16>, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xbf16>
  return %o : tensor<?x?x?x64xbf16>
}

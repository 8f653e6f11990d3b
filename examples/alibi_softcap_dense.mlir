// ALiBi (one slope per head, an argument) and a softcap of 50 on the scores.
func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>, %slopes: tensor<?xf32>)
    -> tensor<?x?x?x64xf32> {
  %cap = arith.constant 50.0 : f32
  %inverse = arith.constant 0.02 : f32
  %o = attn.attend %q, %kv pattern<causal>
      score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
        %slope = tensor.extract %slopes[%h] : tensor<?xf32>
        %gap = arith.subi %j, %i : index
        %steps = arith.index_cast %gap : index to i32
        %distance = arith.sitofp %steps : i32 to f32
        %bias = arith.mulf %slope, %distance : f32
        %biased = arith.addf %s, %bias : f32
        %small = arith.mulf %biased, %inverse : f32
        %bounded = math.tanh %small : f32
        %t = arith.mulf %bounded, %cap : f32
        attn.yield %t : f32
      }
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

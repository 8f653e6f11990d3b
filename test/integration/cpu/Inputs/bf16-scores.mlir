// Arithmetic in bf16, of which no step rounds.
func.func @attention(%q: tensor<?x?x?x16xbf16>, %kv: !attn.kv<dense, key = 16, value = 8, bf16>,
                     %slopes: tensor<?xbf16>) -> tensor<?x?x?x8xbf16> {
  %o = attn.attend %q, %kv pattern<causal>
      score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
        %slope = tensor.extract %slopes[%h] : tensor<?xbf16>
        %two = arith.constant 2.0 : bf16
        %x = arith.mulf %slope, %two : bf16
        %minus = arith.negf %x : bf16
        %is_large = arith.cmpf ogt, %minus, %two : bf16
        %y = arith.select %is_large, %x, %minus : bf16
        %z = arith.maximumf %y, %slope : bf16
        %bias = arith.extf %z : bf16 to f32
        %t = arith.addf %s, %bias : f32
        attn.yield %t : f32
      }
     : (tensor<?x?x?x16xbf16>, !attn.kv<dense, key = 16, value = 8, bf16>) -> tensor<?x?x?x8xbf16>
  return %o : tensor<?x?x?x8xbf16>
}

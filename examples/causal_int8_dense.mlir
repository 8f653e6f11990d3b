// Causal attention in bf16 on a cache of bytes, each row with a scale. Only the
// type of the cache says so.
func.func @attention(%q: tensor<?x?x?x64xbf16>,
                     %kv: !attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>)
    -> tensor<?x?x?x64xbf16> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xbf16>, !attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>)
    -> tensor<?x?x?x64xbf16>
  return %o : tensor<?x?x?x64xbf16>
}

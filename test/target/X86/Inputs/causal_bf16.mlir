func.func @attention(%q: tensor<?x?x?x64xbf16>, %kv: !attn.kv<dense, key = 64, value = 64, bf16>)
    -> tensor<?x?x?x64xbf16> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xbf16>, !attn.kv<dense, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xbf16>
  return %o : tensor<?x?x?x64xbf16>
}

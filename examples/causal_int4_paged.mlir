// Causal attention in bf16 on pages of nibbles, 32 channels to a scale.
func.func @attention(%q: tensor<?x?x?x64xbf16>,
                     %kv: !attn.kv<paged<16>, key = 64, value = 64, bf16, stored = i4, scale = group<32>>)
    -> tensor<?x?x?x64xbf16> {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xbf16>, !attn.kv<paged<16>, key = 64, value = 64, bf16, stored = i4, scale = group<32>>)
    -> tensor<?x?x?x64xbf16>
  return %o : tensor<?x?x?x64xbf16>
}

// Nibbles, 32 channels to a scale: the step decodes keys and values.
func.func @attention(%q: tensor<?x?x?x128xbf16>, %kv: !attn.kv<dense, key = 128, value = 128, bf16, stored = i4, scale = group<32>>) -> tensor<?x?x?x128xbf16> {
  %o = attn.attend %q, %kv : (tensor<?x?x?x128xbf16>, !attn.kv<dense, key = 128, value = 128, bf16, stored = i4, scale = group<32>>) -> tensor<?x?x?x128xbf16>
  return %o : tensor<?x?x?x128xbf16>
}
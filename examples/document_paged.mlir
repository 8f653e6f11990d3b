// Packed documents: a query sees the keys of its own document up to itself. Keys and values in pages of 16.
func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<paged<16>, key = 64, value = 64, f32>, %ids: tensor<?x?xi32>)
    -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv documents(%ids) pattern<causal and document>
     : (tensor<?x?x?x64xf32>, !attn.kv<paged<16>, key = 64, value = 64, f32>, tensor<?x?xi32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

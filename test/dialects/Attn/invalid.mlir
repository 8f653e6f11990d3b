// RUN: fovea-opt %s -split-input-file -verify-diagnostics

// The type of keys and values.

// expected-error@+1 {{expected a layout (dense, paged<rows>), got 'ring'}}
func.func private @kv_layout(!attn.kv<ring, key = 64, value = 64, f32>)

// -----

// expected-error@+1 {{expected pages of at least 1 row, got 0}}
func.func private @kv_page_size(!attn.kv<paged<0>, key = 64, value = 64, f32>)

// -----

// expected-error@+1 {{expected a key width of 1 to 512, got 513}}
func.func private @kv_key_width(!attn.kv<dense, key = 513, value = 64, f32>)

// -----

// expected-error@+1 {{expected a value width of 1 to 512, got 0}}
func.func private @kv_value_width(!attn.kv<dense, key = 64, value = 0, f32>)

// -----

// expected-error@+1 {{expected elements of type f32, bf16 or f16, got 'f64'}}
func.func private @kv_element(!attn.kv<dense, key = 64, value = 64, f64>)

// -----

// Encodings of keys and values.

// expected-error@+1 {{expected elements stored as i8, i4, f16 or f8E4M3FN, got 'f8E5M2'}}
func.func private @kv_stored(!attn.kv<dense, key = 64, value = 64, f32, stored = f8E5M2>)

// -----

// expected-error@+1 {{expected stored elements of another type than the elements, got 'f16' for both}}
func.func private @kv_stored_same(!attn.kv<dense, key = 64, value = 64, f16, stored = f16>)

// -----

// expected-error@+1 {{expected a scale (token, group<channels>), got 'none'}}
func.func private @kv_scale(!attn.kv<dense, key = 64, value = 64, f32, stored = i8, scale = none>)

// -----

// expected-error@+1 {{expected scale = token for elements stored as i8}}
func.func private @kv_i8(!attn.kv<dense, key = 64, value = 64, f32, stored = i8, scale = group<32>>)

// -----

// expected-error@+1 {{expected scale = group<32> for elements stored as i4}}
func.func private @kv_i4(!attn.kv<dense, key = 64, value = 64, f32, stored = i4, scale = group<16>>)

// -----

// expected-error@+1 {{expected widths that are multiples of 32, got 80}}
func.func private @kv_i4_width(!attn.kv<dense, key = 64, value = 80, f32, stored = i4, scale = group<32>>)

// -----

// expected-error@+1 {{expected scale = token or none for elements stored as f8E4M3FN}}
func.func private @kv_f8(!attn.kv<dense, key = 64, value = 64, f32, stored = f8E4M3FN, scale = group<32>>)

// -----

// expected-error@+1 {{expected no scale for elements stored as f16}}
func.func private @kv_f16(!attn.kv<dense, key = 64, value = 64, bf16, stored = f16, scale = token>)

// -----

// Patterns.

// expected-error@+1 {{expected a pattern (all, causal, window<W>, sink<N>, prefix<N>, block<N>, stride<N>, document), got 'spiral'}}
func.func private @pattern_name() attributes {p = #attn.pattern<causal and spiral>}

// -----

// expected-error@+1 {{expected a pattern (all, causal, window<W>, sink<N>, prefix<N>, block<N>, stride<N>, document), got 'and'}}
func.func private @pattern_operand() attributes {p = #attn.pattern<causal and and>}

// -----

// expected-error@+1 {{expected a positive number with 'window', got 0}}
func.func private @pattern_number() attributes {p = #attn.pattern<window<0>>}

// -----

// expected-error@+1 {{expected '<'}}
func.func private @pattern_number_missing() attributes {p = #attn.pattern<block and causal>}

// -----

// expected-error@+1 {{expected ')'}}
func.func private @pattern_paren() attributes {p = #attn.pattern<(causal or all causal)>}

// -----

// The query.

func.func @query_rank(%q: tensor<?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected a query [batch, head, row, channel], got 'tensor<?x?x64xf32>'}}
  %o = attn.attend %q, %kv
     : (tensor<?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x64xf32>
  return
}

// -----

func.func @query_element(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, bf16>) {
  // expected-error@+1 {{expected a query of the keys' element type 'bf16', got 'f32'}}
  %o = attn.attend %q, %kv
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, bf16>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @query_width(%q: tensor<?x?x?x32xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected a query of the keys' width 64, got 32}}
  %o = attn.attend %q, %kv
     : (tensor<?x?x?x32xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @query_width_unknown(%q: tensor<?x?x?x?xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected a query of the keys' width 64, got an unknown width}}
  %o = attn.attend %q, %kv
     : (tensor<?x?x?x?xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

// The results.

func.func @output(%q: tensor<?x8x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 32, f32>) {
  // expected-error@+1 {{expected an output of type 'tensor<?x8x?x32xf32>', got 'tensor<?x8x?x64xf32>'}}
  %o = attn.attend %q, %kv
     : (tensor<?x8x?x64xf32>, !attn.kv<dense, key = 64, value = 32, f32>) -> tensor<?x8x?x64xf32>
  return
}

// -----

func.func @lse_type(%q: tensor<?x8x?x64xbf16>, %kv: !attn.kv<dense, key = 64, value = 64, bf16>) {
  // expected-error@+1 {{expected a logarithm of the denominator of type 'tensor<?x8x?xf32>', got 'tensor<?x8x?xbf16>'}}
  %o, %lse = attn.attend %q, %kv
     : (tensor<?x8x?x64xbf16>, !attn.kv<dense, key = 64, value = 64, bf16>)
     -> (tensor<?x8x?x64xbf16>, tensor<?x8x?xbf16>)
  return
}

// -----

func.func @lse_without_softmax(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected one result without normalizer 'softmax', whose denominator the second one is}}
  %o, %lse = attn.attend %q, %kv normalizer<relu>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>)
     -> (tensor<?x?x?x64xf32>, tensor<?x?x?xf32>)
  return
}

// -----

// Documents.

func.func @documents_missing(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected documents(%table) for the pattern 'document'}}
  %o = attn.attend %q, %kv pattern<causal and not document>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @documents_unused(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>, %ids: tensor<?x?xi32>) {
  // expected-error@+1 {{expected the pattern 'document' with a table of documents}}
  %o = attn.attend %q, %kv documents(%ids) pattern<causal>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>, tensor<?x?xi32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @documents_type(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>, %ids: tensor<?x?xi64>) {
  // expected-error@+1 {{expected documents [batch, key] of i32, got 'tensor<?x?xi64>'}}
  %o = attn.attend %q, %kv documents(%ids) pattern<document>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>, tensor<?x?xi64>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @documents_batch(%q: tensor<2x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>, %ids: tensor<3x?xi32>) {
  // expected-error@+1 {{expected documents for a batch of 2, got 3}}
  %o = attn.attend %q, %kv documents(%ids) pattern<document>
     : (tensor<2x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>, tensor<3x?xi32>) -> tensor<2x?x?x64xf32>
  return
}

// -----

// Sink logits.

func.func @sink_without_softmax(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>, %l: tensor<?xf32>) {
  // expected-error@+1 {{expected a sink with normalizer 'softmax' only}}
  %o = attn.attend %q, %kv sink(%l) normalizer<sigmoid>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>, tensor<?xf32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @sink_type(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>, %l: tensor<?xbf16>) {
  // expected-error@+1 {{expected sink logits [head] of f32, got 'tensor<?xbf16>'}}
  %o = attn.attend %q, %kv sink(%l)
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>, tensor<?xbf16>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @sink_heads(%q: tensor<?x8x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>, %l: tensor<4xf32>) {
  // expected-error@+1 {{expected one sink logit for each of 8 heads, got 4}}
  %o = attn.attend %q, %kv sink(%l)
     : (tensor<?x8x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>, tensor<4xf32>) -> tensor<?x8x?x64xf32>
  return
}

// -----

// Normalisers and regions.

func.func @normalizer_name(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected a normalizer (softmax, sigmoid, relu, l1), got 'l7'}}
  %o = attn.attend %q, %kv normalizer<l7>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @weight_missing(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected a region 'weight' with normalizer 'l1' and with no other, got normalizer 'l1'}}
  %o = attn.attend %q, %kv normalizer<l1>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @weight_unused(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected a region 'weight' with normalizer 'l1' and with no other, got normalizer 'softmax'}}
  %o = attn.attend %q, %kv
     weight (%s: f32) {
       attn.yield %s : f32
     } : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @score_arguments(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected region 'score' to have arguments ('f32', 'index', 'index', 'index', 'index'), got ('f32')}}
  %o = attn.attend %q, %kv
     score (%s: f32) {
       attn.yield %s : f32
     } : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @where_arguments(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected region 'where' to have arguments ('index', 'index', 'index', 'index'), got ()}}
  %o = attn.attend %q, %kv
     where () {
       %t = arith.constant true
       attn.yield %t : i1
     } : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @where_yield(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected region 'where' to yield ('i1'), got ('index')}}
  %o = attn.attend %q, %kv
     where (%b: index, %h: index, %i: index, %j: index) {
       attn.yield %i : index
     } : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @weight_arguments(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) {
  // expected-error@+1 {{expected region 'weight' to have arguments ('f32'), got ('bf16')}}
  %o = attn.attend %q, %kv normalizer<l1>
     weight (%s: bf16) {
       %w = arith.extf %s : bf16 to f32
       attn.yield %w : f32
     } : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return
}

// -----

func.func @yield_parent() {
  %t = arith.constant true
  // expected-error@+1 {{expects parent op 'attn.attend'}}
  attn.yield %t : i1
}

// -----

// Appending.

!i8 = !attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>
func.func @append_keys(%kv: !i8, %k: tensor<?x?x?x32xbf16>, %v: tensor<?x?x?x64xbf16>, %at: tensor<?x?xi32>) {
  // expected-error@+1 {{expected keys [batch, head, token, channel] of 64 x 'bf16', got 'tensor<?x?x?x32xbf16>'}}
  %r:4 = attn.append %kv, %k, %v at %at : (!i8, tensor<?x?x?x32xbf16>, tensor<?x?x?x64xbf16>, tensor<?x?xi32>) -> (tensor<?x?x?x64xi8>, tensor<?x?x?xf32>, tensor<?x?x?x64xi8>, tensor<?x?x?xf32>)
  return
}

// -----

!i8 = !attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>
func.func @append_values(%kv: !i8, %k: tensor<?x?x?x64xbf16>, %v: tensor<?x?x?x64xf32>, %at: tensor<?x?xi32>) {
  // expected-error@+1 {{expected values [batch, head, token, channel] of 64 x 'bf16', got 'tensor<?x?x?x64xf32>'}}
  %r:4 = attn.append %kv, %k, %v at %at : (!i8, tensor<?x?x?x64xbf16>, tensor<?x?x?x64xf32>, tensor<?x?xi32>) -> (tensor<?x?x?x64xi8>, tensor<?x?x?xf32>, tensor<?x?x?x64xi8>, tensor<?x?x?xf32>)
  return
}

// -----

!i8 = !attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>
func.func @append_positions(%kv: !i8, %k: tensor<?x?x?x64xbf16>, %v: tensor<?x?x?x64xbf16>, %at: tensor<?xi32>) {
  // expected-error@+1 {{expected positions [batch, token] of i32, got 'tensor<?xi32>'}}
  %r:4 = attn.append %kv, %k, %v at %at : (!i8, tensor<?x?x?x64xbf16>, tensor<?x?x?x64xbf16>, tensor<?xi32>) -> (tensor<?x?x?x64xi8>, tensor<?x?x?xf32>, tensor<?x?x?x64xi8>, tensor<?x?x?xf32>)
  return
}

// -----

!i8 = !attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>
func.func @append_results(%kv: !i8, %k: tensor<?x?x?x64xbf16>, %v: tensor<?x?x?x64xbf16>, %at: tensor<?x?xi32>) {
  // expected-error@+1 {{expected results of types ('tensor<?x?x?x64xi8>', 'tensor<?x?x?xf32>', 'tensor<?x?x?x64xi8>', 'tensor<?x?x?xf32>'), got ('tensor<?x?x?x64xi8>', 'tensor<?x?x?x64xi8>')}}
  %r:2 = attn.append %kv, %k, %v at %at : (!i8, tensor<?x?x?x64xbf16>, tensor<?x?x?x64xbf16>, tensor<?x?xi32>) -> (tensor<?x?x?x64xi8>, tensor<?x?x?x64xi8>)
  return
}

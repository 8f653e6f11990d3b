// RUN: fovea-opt %s | fovea-opt | FileCheck %s

!dense = !attn.kv<dense, key = 64, value = 64, f32>
!paged = !attn.kv<paged<16>, key = 64, value = 128, bf16>

// The defaults: everything visible, softmax, 1 / sqrt(64).
// CHECK-LABEL: @plain
// CHECK: attn.attend %{{[a-z0-9]+}}, %{{[a-z0-9]+}} : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
func.func @plain(%q: tensor<?x?x?x64xf32>, %kv: !dense) -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv pattern<all> normalizer<softmax>
     : (tensor<?x?x?x64xf32>, !dense) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

// CHECK-LABEL: @every_clause
// CHECK: attn.attend %{{.*}}, %{{.*}} documents(%{{.*}}) sink(%{{.*}}) pattern<causal and (window<256> or sink<4>) and document> scale<1.250000e-01>
// CHECK-NEXT: score (%[[S:.*]]: f32, %{{.*}}: index, %{{.*}}: index, %[[I:.*]]: index, %{{.*}}: index) {
// CHECK: arith.index_cast %[[I]]
// CHECK: attn.yield %{{.*}} : f32
// CHECK: where (%{{.*}}: index, %{{.*}}: index, %{{.*}}: index, %{{.*}}: index) {
// CHECK: attn.yield %{{.*}} : i1
// CHECK: !attn.kv<paged<16>, key = 64, value = 128, bf16>
func.func @every_clause(%q: tensor<?x?x?x64xbf16>, %kv: !paged, %ids: tensor<?x?xi32>, %logits: tensor<?xf32>)
    -> (tensor<?x?x?x128xbf16>, tensor<?x?x?xf32>) {
  %o, %lse = attn.attend %q, %kv documents(%ids) sink(%logits)
      pattern<causal and (window<256> or sink<4>) and document> normalizer<softmax> scale<0.125>
      score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
        %n = arith.index_cast %i : index to i32
        %f = arith.sitofp %n : i32 to f32
        %t = arith.addf %s, %f : f32
        attn.yield %t : f32
      }
      where (%b: index, %h: index, %i: index, %j: index) {
        %p = arith.cmpi ne, %i, %j : index
        attn.yield %p : i1
      }
      : (tensor<?x?x?x64xbf16>, !paged, tensor<?x?xi32>, tensor<?xf32>)
      -> (tensor<?x?x?x128xbf16>, tensor<?x?x?xf32>)
  return %o, %lse : tensor<?x?x?x128xbf16>, tensor<?x?x?xf32>
}

// CHECK-LABEL: @l1
// CHECK: normalizer<l1>
// CHECK-NEXT: weight (%{{.*}}: f32) {
func.func @l1(%q: tensor<2x8x16x64xf32>, %kv: !dense) -> tensor<2x8x16x64xf32> {
  %o = attn.attend %q, %kv normalizer<l1>
      weight (%s: f32) {
        %w = math.exp2 %s : f32
        attn.yield %w : f32
      } : (tensor<2x8x16x64xf32>, !dense) -> tensor<2x8x16x64xf32>
  return %o : tensor<2x8x16x64xf32>
}

// Text, tree, text.
// CHECK-LABEL: @patterns
func.func private @patterns() attributes {
  // CHECK-SAME: p0 = #attn.pattern<not causal>
  p0 = #attn.pattern<not causal>,
  // CHECK-SAME: p1 = #attn.pattern<not (causal or document)>
  p1 = #attn.pattern<not (causal or document)>,
  // CHECK-SAME: p2 = #attn.pattern<causal and window<8> or prefix<3>>
  p2 = #attn.pattern<(causal and window<8>) or prefix<3>>,
  // CHECK-SAME: p3 = #attn.pattern<causal and (window<8> or prefix<3>)>
  p3 = #attn.pattern<causal and (window<8> or (prefix<3>))>,
  // CHECK-SAME: p4 = #attn.pattern<block<4> or stride<2> or sink<1>>
  p4 = #attn.pattern<block<4> or stride<2> or sink<1>>,
  // CHECK-SAME: p5 = #attn.pattern<block<4> or (stride<2> or sink<1>)>
  p5 = #attn.pattern<block<4> or (stride<2> or sink<1>)>,
  // CHECK-SAME: p6 = #attn.pattern<not not all>
  p6 = #attn.pattern<not not all>
}

// Encoded caches.
// CHECK-LABEL: @encoded
// CHECK-SAME: !attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>
// CHECK-SAME: !attn.kv<paged<16>, key = 64, value = 32, f16, stored = i4, scale = group<32>>
// CHECK-SAME: !attn.kv<dense, key = 64, value = 64, f32, stored = f8E4M3FN>
// CHECK-SAME: !attn.kv<dense, key = 64, value = 64, bf16, stored = f16>
func.func private @encoded(!attn.kv<dense, key = 64, value = 64, bf16, stored = i8, scale = token>,
                           !attn.kv<paged<16>, key = 64, value = 32, f16, stored = i4, scale = group<32>>,
                           !attn.kv<dense, key = 64, value = 64, f32, stored = f8E4M3FN>,
                           !attn.kv<dense, key = 64, value = 64, bf16, stored = f16>)

// CHECK-LABEL: @append
// CHECK: attn.append %{{.*}}, %{{.*}}, %{{.*}} at %{{.*}} : (!attn.kv<{{.*}}>, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?xi32>) -> (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>)
func.func @append(%kv: !dense, %k: tensor<?x?x?x64xf32>, %v: tensor<?x?x?x64xf32>, %at: tensor<?x?xi32>)
    -> (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>) {
  %r:2 = attn.append %kv, %k, %v at %at
    : (!dense, tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>, tensor<?x?xi32>) -> (tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>)
  return %r#0, %r#1 : tensor<?x?x?x64xf32>, tensor<?x?x?x64xf32>
}

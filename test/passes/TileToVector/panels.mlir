// RUN: fovea-opt %s --fovea-attn-to-cascade -canonicalize -cse \
// RUN:   --fovea-derive-fold -canonicalize -cse --fovea-cascade-to-tile -cse \
// RUN:   --fovea-outline-tasks --fovea-tile-to-vector -canonicalize -cse | FileCheck %s
// RUN: fovea-run %s --random 1x2x37x20,1x1x75x20,1x1x75x12 --check | FileCheck %s --check-prefix=RESULT
// RUN: fovea-run %s --random 2x2x129x20,2x2x129x20,2x2x129x12 --check | FileCheck %s --check-prefix=RESULT
// RUN: fovea-run %s --random 1x1x3x20,1x1x700x20,1x1x700x12 --threads 3 --check | FileCheck %s --check-prefix=RESULT

// RESULT: check {{.*}}: good

// Tasks of 24 rows with vectors of 4: three panels of 8 rows.
func.func @attention(%q: tensor<?x?x?x20xf32>, %kv: !attn.kv<dense, key = 20, value = 12, f32>) -> tensor<?x?x?x12xf32>
    attributes {tile.schedule = #tile.schedule<rows = 24, keys = 16, block = 4, lanes = 4, pairs = false, splits = 3>} {
  %o = attn.attend %q, %kv pattern<causal and (window<21> or sink<3>)>
     : (tensor<?x?x?x20xf32>, !attn.kv<dense, key = 20, value = 12, f32>) -> tensor<?x?x?x12xf32>
  return %o : tensor<?x?x?x12xf32>
}

// CHECK-LABEL: func.func private @attention_tasks
// Queries of each panel, [d][q]: 20 x 8, three times.
// CHECK-DAG:   %[[Q:.*]] = memref.alloca() {{.*}} : memref<480xf32>
// States of each panel: two by row, one of 12 channels.
// CHECK-DAG:   %[[O:.*]] = memref.alloca() {{.*}} : memref<288xf32>
// Scores are those of one panel.
// CHECK-DAG:   %[[S:.*]] = memref.alloca() {{.*}} : memref<128xf32>
// CHECK:       scf.for %[[P:.*]] = %c0 to %{{.*}} step %c1 {
// CHECK:         memref.subview %[[Q]][%{{.*}}] [160] [1]
// CHECK:       scf.for %[[P:.*]] = %c0 to %{{.*}} step %c1 {
// CHECK:         memref.subview %[[O]][%{{.*}}] [96] [1]
// Ranges, steps, panels, runs.
// CHECK:       scf.for
// CHECK:         scf.for %[[FIRST:.*]] = %{{.*}} to %{{.*}} step %c16 {
// CHECK:           scf.if
// CHECK:             scf.for %{{.*}} = %c0 to %{{.*}} step %c1 {
// CHECK:               scf.if
// CHECK:                 scf.while (%[[AT:.*]] = %[[FIRST]]) : (index) -> index {
// CHECK:                   scf.condition
// CHECK:                 } do {
// The class of a run and where it ends.
// CHECK:                   scf.while
// A full run: the loop covers the run only.
// CHECK:                   scf.if
// CHECK:                     %[[BEGIN:.*]] = arith.subi %{{.*}}, %[[FIRST]] : index
// CHECK:                     %[[END:.*]] = arith.subi %{{.*}}, %[[FIRST]] : index
// CHECK:                     scf.for %{{.*}} = %[[BEGIN]] to %[[END]] step %c4
// A partial one.
// CHECK:                   scf.if
// CHECK:                     arith.select
// The rows of each panel leave.
// CHECK:       scf.for %{{.*}} = %c0 to %{{.*}} step %c1 {
// CHECK:         memref.subview %[[O]]

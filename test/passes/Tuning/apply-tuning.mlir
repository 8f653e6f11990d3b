// A database with an entry for one of the classes: the family is what the tool
// says it is, the schedule one that no target would choose.
// REQUIRES: x86-64-v3
// RUN: fovea-tune %s --target cpu:x86-64-v3 --dry-run --random 1x1x9x64,1x1x9x64,1x1x9x64 > %t.plan
// RUN: sed -n 's|^family: \(.*\)|s/FAMILY/\1/|p; s|^chip: \(.*\)|s/CHIP/\1/|p' %t.plan > %t.sed
// RUN: sed -f %t.sed %S/Inputs/good.json > %t.json
// RUN: fovea-opt %s --fovea-lower="target=cpu:x86-64-v3 to=tile tuning=%t.json" 2> %t.log | FileCheck %s --check-prefix=USED
// RUN: FileCheck %s --check-prefix=REMARK --input-file %t.log

// The entry takes the place of the schedule for many rows only.
// USED: @attention
// USED-SAME: tile.few_rows = [#tile.schedule<rows = 4, keys = {{.*}}narrow = true
// USED-SAME: tile.schedule = #tile.schedule<rows = 16, keys = 48, block = 3, lanes = 8, pairs = false, splits = 16, pack = true>
// USED: tile.stream "k" {{.*}} step 48
// REMARK: remark: tuned for many rows: #tile.schedule<rows = 16, keys = 48, block = 3{{.*}}>, measured at 1.25 times the default's speed (1x8x512x64, 2026-01-02)

// By the environment; not where it is switched off, nor for another chip.
// RUN: env FOVEA_TUNING_DB=%t.json fovea-opt %s --fovea-lower="target=cpu:x86-64-v3 to=tile" | FileCheck %s --check-prefix=USED
// RUN: env FOVEA_TUNING_DB=%t.json fovea-opt %s --fovea-lower="target=cpu:x86-64-v3 to=tile tuning=none" | FileCheck %s --check-prefix=DEFAULT
// RUN: env FOVEA_TUNING_DB=%t.json fovea-opt %s --fovea-lower="target=cpu:x86-64-v4 to=tile" | FileCheck %s --check-prefix=OTHER
// DEFAULT: @attention
// DEFAULT-NOT: rows = 16, keys = 48
// DEFAULT-SAME: tile.schedule = #tile.schedule<rows = {{[0-9]+}}, keys = {{[0-9]+}}, block = {{[0-9]+}}, lanes = 8,
// OTHER: tile.schedule = #tile.schedule<rows = {{[0-9]+}}, keys = {{[0-9]+}}, block = {{[0-9]+}}, lanes = 16,

// An entry of one of the classes of few rows: the others stay as they are.
// RUN: sed 's/x86-64-v3 8x16/x86-64-v4 16x32/; s/"rows": 0/"rows": 8/; s/rows = 16, keys = 48, block = 3, lanes = 8/rows = 8, keys = 48, block = 1, lanes = 16/; s/pack = true/pack = true, narrow = true, ahead = 12/' %t.json > %t.few.json
// RUN: fovea-opt %s --fovea-lower="target=cpu:x86-64-v4 to=tile tuning=%t.few.json" | FileCheck %s --check-prefix=FEW
// FEW: tile.few_rows = [#tile.schedule<rows = 4, keys = {{[0-9]+}}, block = 2,
// FEW-SAME: #tile.schedule<rows = 8, keys = 48, block = 1, lanes = 16, pairs = false, splits = 16, pack = true, narrow = true, ahead = 12>, #tile.schedule<rows = 16
// FEW-SAME: tile.schedule = #tile.schedule<rows = 128

// Compiled code follows; what a program carries itself stays.
// RUN: env FOVEA_TUNING_DB=%t.json foveac %s --target cpu:x86-64-v3 --print-after tile | FileCheck %s --check-prefix=USED
// RUN: sed 's/-> tensor<?x?x?x64xf32> {/-> tensor<?x?x?x64xf32> attributes {tile.schedule = #tile.schedule<rows = 8, keys = 24, block = 1, lanes = 8, pairs = false, splits = 1>} {/' %s > %t.given.mlir
// RUN: env FOVEA_TUNING_DB=%t.json foveac %t.given.mlir --target cpu:x86-64-v3 --print-after tile | FileCheck %s --check-prefix=GIVEN
// GIVEN: tile.stream "k" {{.*}} step 24
// GIVEN-NOT: step 48

// Entries that are no schedules, or none of this target: named, and left out.
// RUN: sed "s/keys = 48, block = 3/keys = 50, block = 3/" %t.json > %t.broken.json
// RUN: fovea-opt %s --fovea-lower="target=cpu:x86-64-v3 to=tile tuning=%t.broken.json" 2> %t.log | FileCheck %s --check-prefix=DEFAULT
// RUN: FileCheck %s --check-prefix=BROKEN --input-file %t.log
// BROKEN: warning: a tuned schedule is not used: {{.*}}.broken.json, entry {{[0-9a-f]+}} for many rows: expected keys to be a multiple of block, got 50 and 3
// RUN: sed "s/lanes = 8/lanes = 16/" %t.json > %t.lanes.json
// RUN: fovea-opt %s --fovea-lower="target=cpu:x86-64-v3 to=tile tuning=%t.lanes.json" 2> %t.log | FileCheck %s --check-prefix=DEFAULT
// RUN: FileCheck %s --check-prefix=LANES --input-file %t.log
// LANES: warning: a tuned schedule is not used: {{.*}} for many rows: expected as many lanes as a register has, got 16
// RUN: sed "s/pack = true/pack = true, narrow = true/; s/rows = 16/rows = 8/; s/block = 3/block = 2/" %t.json > %t.narrow.json
// RUN: fovea-opt %s --fovea-lower="target=cpu:x86-64-v3 to=tile tuning=%t.narrow.json" 2> %t.log | FileCheck %s --check-prefix=DEFAULT
// RUN: FileCheck %s --check-prefix=NARROW --input-file %t.log
// NARROW: expected narrow = false, got 1

// A file that is none: its path, and the target's schedules.
// RUN: echo 'tuned!' > %t.none.json
// RUN: env FOVEA_TUNING_DB=%t.none.json foveac %s --target cpu:x86-64-v3 --print-after tile 2> %t.log | FileCheck %s --check-prefix=DEFAULT
// RUN: FileCheck %s --check-prefix=NONE --input-file %t.log
// NONE: warning: {{.*}}.none.json: tuned schedules are not used: {{.*}}Invalid JSON value

func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32> {
  %o = attn.attend %q, %kv pattern<causal> : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
}

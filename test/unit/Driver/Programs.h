//===- Programs.h - what tests of the driver compile ------------*- C++ -*-===//

#ifndef FOVEA_TEST_UNIT_DRIVER_PROGRAMS_H
#define FOVEA_TEST_UNIT_DRIVER_PROGRAMS_H

#include "llvm/ADT/StringRef.h"

namespace fovea {

inline constexpr llvm::StringLiteral kAttention = R"(
func.func @attention(%q: tensor<?x?x?x64xf32>, %kv: !attn.kv<dense, key = 64, value = 64, f32>)
    -> (tensor<?x?x?x64xf32> {fovea.name = "o"}) {
  %o = attn.attend %q, %kv pattern<causal>
     : (tensor<?x?x?x64xf32>, !attn.kv<dense, key = 64, value = 64, f32>) -> tensor<?x?x?x64xf32>
  return %o : tensor<?x?x?x64xf32>
})";

} // namespace fovea

#endif // FOVEA_TEST_UNIT_DRIVER_PROGRAMS_H

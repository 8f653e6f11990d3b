//===- Cascade.h - the algebra level: dialect and attributes ----*- C++ -*-===//

#ifndef FOVEA_DIALECTS_CASCADE_CASCADE_H
#define FOVEA_DIALECTS_CASCADE_CASCADE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "fovea/dialects/Cascade/CascadeDialect.h.inc"
#include "fovea/dialects/Cascade/CascadeEnums.h.inc"

namespace fovea::cascade {

/// Name of the unit attribute of an arith.extf that is part of what an operand
/// is: products multiply the wide value, where they might else take the narrow
/// one (and round what it meets to the narrow type).
inline constexpr llvm::StringLiteral kExactAttrName = "cascade.exact";

} // namespace fovea::cascade

#endif // FOVEA_DIALECTS_CASCADE_CASCADE_H

//===- Cascade.h - the algebra level: dialect and attributes ----*- C++ -*-===//

#ifndef FOVEA_DIALECTS_CASCADE_CASCADE_H
#define FOVEA_DIALECTS_CASCADE_CASCADE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "fovea/dialects/Cascade/CascadeDialect.h.inc"
#include "fovea/dialects/Cascade/CascadeEnums.h.inc"

#endif // FOVEA_DIALECTS_CASCADE_CASCADE_H
